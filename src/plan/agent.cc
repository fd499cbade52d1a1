#include "plan/agent.h"

#include <algorithm>
#include <array>

#include "base/path.h"
#include "base/text.h"
#include "plan/agent_settings.h"

namespace claudebox::plan {
namespace {

/// Version managers put one program under many names on PATH; it looks at its own name to know which tool is
/// meant. By its canonical path it would not know, so the search goes on to the tool itself.
constexpr std::array<std::string_view, 6> kShims = {"volta-shim", "mise", "rtx", "asdf", "fnm", "proto"};

std::optional<std::string> program_at(const sys::HostView& host, const std::string& candidate) {
  auto real = host.real_path(candidate);
  if (!real || host.stat(*real).kind != sys::FileKind::file || !host.executable(*real)) return std::nullopt;
  const std::string name = base::base_name(*real);
  if (std::find(kShims.begin(), kShims.end(), name) != kShims.end()) return std::nullopt;
  return real;
}

/// "/x/node_modules/@scope/name" for a file in that package; empty for a file of no package.
std::string package_of(const std::string& file) {
  constexpr std::string_view kModules = "/node_modules/";
  const auto at = file.rfind(kModules);
  if (at == std::string::npos) return {};
  std::size_t end = at + kModules.size();
  const bool scoped = end < file.size() && file[end] == '@';
  end = file.find('/', end);
  if (scoped && end != std::string::npos) end = file.find('/', end + 1);
  return end == std::string::npos ? std::string() : file.substr(0, end);
}

Mount read_only(const std::string& path, const std::string& reason) {
  return {.kind = Mount::Kind::read_only,
          .target = path,
          .source = path,
          .purpose = Purpose::agent,
          .origin = {base::Origin::Kind::detected, "PATH", reason}};
}

}  // namespace

std::optional<std::string> find_agent(const sys::HostView& host, const Agent& agent) {
  for (const auto& entry : base::split(host.variable("PATH").value_or(""), ':')) {
    if (!entry.starts_with('/')) continue;  // "." or an empty entry would run a file of the project's
    if (const auto found = program_at(host, base::path_join(entry, agent.command))) return found;
  }
  for (const auto place : agent.usual_places)
    if (const auto found = program_at(host, base::path_join(host.identity().home, place))) return found;
  return std::nullopt;
}

std::string agent_version(const sys::HostView& host, const std::string& program) {
  if (base::base_name(base::parent_of(program)) == "versions") return base::base_name(program);
  for (std::string directory = base::parent_of(program); directory != "/";
       directory = base::parent_of(directory))
    if (const auto package = host.read_file(base::path_join(directory, "package.json"), 1U << 16U))
      return package_version(*package).value_or("0");
  return "0";
}

std::vector<std::string> agent_command(const Agent& agent, const std::string& program,
                                       const std::vector<std::string>& arguments) {
  const auto is_command_with_flags = [&](const std::string& word) {
    return std::find(agent.flags_behind.begin(), agent.flags_behind.end(), word) != agent.flags_behind.end();
  };
  std::vector<std::string> argv = {program};
  auto rest = arguments.begin();
  bool flags = true;
  if (!agent.flags_behind.empty() && rest != arguments.end() && !rest->starts_with('-')) {
    // A word: a command of the agent's, or the directory to work in.
    if (is_command_with_flags(*rest))
      argv.push_back(*rest++);
    else
      flags = rest->find('/') != std::string::npos || *rest == ".";
  }
  if (flags) argv.insert(argv.end(), agent.unattended_flags.begin(), agent.unattended_flags.end());
  argv.insert(argv.end(), rest, arguments.end());
  return argv;
}

std::vector<Mount> agent_program_mounts(const sys::HostView& host, const Agent& agent,
                                        const std::string& program) {
  const std::string name(agent.name);
  const auto head = host.read_head(program, 2);
  const std::string package = package_of(program);
  if (!head || *head != "#!" || package.empty())
    return {read_only(program, "the program of " + name + ", one file")};

  // A script reads its package, and the package its native parts, which npm installs beside it under the same
  // scope: @scope/name and @scope/name-linux-x64.
  std::vector<Mount> mounts = {read_only(package, "the npm package of " + name)};
  const std::string scope = base::parent_of(package);
  for (const auto& sibling : host.list_directory(scope, 256)) {
    if (!sibling.starts_with(base::base_name(package) + "-")) continue;
    if (const auto real = host.real_path(base::path_join(scope, sibling)))
      mounts.push_back({.kind = Mount::Kind::read_only,
                        .target = base::path_join(scope, sibling),
                        .source = *real,
                        .purpose = Purpose::agent,
                        .origin = {base::Origin::Kind::detected, "PATH", "a native part of " + name}});
  }
  return mounts;
}

}  // namespace claudebox::plan
