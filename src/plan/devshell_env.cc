#include "plan/devshell_env.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/secret.h"
#include "base/text.h"

namespace claudebox::plan {
namespace {

using Json = nlohmann::json;

/// Of the build, and of the shell that ran it.
constexpr auto kOfTheBuild = std::to_array<std::string_view>({"HOME",
                                                              "TMP",
                                                              "TMPDIR",
                                                              "TEMP",
                                                              "TEMPDIR",
                                                              "NIX_BUILD_TOP",
                                                              "TERM",
                                                              "OLDPWD",
                                                              "NIX_LOG_FD",
                                                              "NIX_STORE",
                                                              "NIX_BUILD_CORES",
                                                              "IN_NIX_SHELL",
                                                              "PWD",
                                                              "SHLVL",
                                                              "_",
                                                              "name",
                                                              "system",
                                                              "builder",
                                                              "stdenv",
                                                              "out",
                                                              "outputs",
                                                              "shellHook",
                                                              "dontAddDisableDepTrack",
                                                              "SHELL",
                                                              "USER",
                                                              "LOGNAME",
                                                              "CLAUDEBOX",
                                                              "NIX_REMOTE",
                                                              "HOST_PATH",
                                                              "SOURCE_DATE_EPOCH"});
/// What changes programs that are none of the shell's.
constexpr auto kDangerous = std::to_array<std::string_view>(
    {"BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS", "IFS", "PS4", "PROMPT_COMMAND", "NODE_OPTIONS",
     "PYTHONSTARTUP", "PERL5OPT", "RUBYOPT", "JAVA_TOOL_OPTIONS", "GCONV_PATH", "EDITOR", "VISUAL", "PAGER",
     "BROWSER"});
constexpr auto kDangerousPrefixes =
    std::to_array<std::string_view>({"LD_", "DYLD_", "GIT_", "SSH_", "CLAUDE", "ANTHROPIC_", "NIX_CONF"});

bool is_proxy(std::string_view name) {
  return name.ends_with("_proxy") || name.ends_with("_PROXY");
}

bool is_certificate(std::string_view name) {
  return name.find("_CA_") != std::string_view::npos || name.find("SSL_CERT") != std::string_view::npos ||
         name.find("CAINFO") != std::string_view::npos;
}

template <class List>
bool has(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool is_dangerous(std::string_view name) {
  return has(kDangerous, name) || is_proxy(name) || is_certificate(name) || base::secret_name(name) ||
         std::any_of(kDangerousPrefixes.begin(), kDangerousPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

}  // namespace

std::optional<DevshellEnv> devshell_env(std::string_view json) {
  const Json file = Json::parse(json, nullptr, false);
  if (!file.is_object() || !file.contains("variables") || !file["variables"].is_object()) return std::nullopt;
  DevshellEnv out;
  for (const auto& [name, entry] : file["variables"].items()) {
    if (!entry.is_object() || entry.value("type", Json()) != "exported") continue;
    const auto value = entry.find("value");
    if (value == entry.end() || !value->is_string()) continue;
    const std::string text = value->get<std::string>();
    if (name == "PATH") {
      for (const auto& part : base::split(text, ':'))
        if (part.starts_with("/nix/store/") && !has(out.path, part)) out.path.push_back(part);
      continue;
    }
    if (has(kOfTheBuild, name) || text.find('\0') != std::string::npos) continue;
    const bool enters = !is_dangerous(name) && text.find("/nix/store/") != std::string::npos &&
                        base::secret_shape(text).empty();
    (enters ? out.variables : out.withheld)[name] = text;
  }
  return out;
}

}  // namespace claudebox::plan
