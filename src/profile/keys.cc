#include "profile/keys.h"

#include <algorithm>

#include "base/path.h"
#include "base/secret.h"
#include "base/text.h"
#include "profile/grants.h"
#include "profile/limits.h"
#include "profile/network_grants.h"
#include "profile/package_grants.h"

namespace claudebox::profile {
namespace {

/// As the functions that flags share take it.
Typed typed(const Entry& entry) {
  return {entry.text, std::string(entry.key->name), entry.origin};
}

template <class Value>
void take(const Entry& entry, std::vector<Value>& out, base::Diagnostics& problems,
          std::optional<Value> (*parse)(const Typed&, base::Diagnostics&)) {
  if (auto value = parse(typed(entry), problems)) out.push_back(std::move(*value));
}

bool is_absolute(const std::string& path) {
  return path.starts_with('/') || path == "~" || path.starts_with("~/");
}

/// A local flake's directory against the file that names it. False with a problem where it can't be told.
bool settle_flake(const std::string& key, const Place& place, plan::PackageRequest& package,
                  base::Diagnostics& problems) {
  if (!package.local || is_absolute(package.flake)) return true;
  if (place.directory.empty()) {
    problems.add(key + ": '" + package.flake + "' is a relative path",
                 "a profile is used in every directory: begin with / or ~/");
    return false;
  }
  package.flake = base::normalize(base::path_join(place.directory, package.flake));
  return true;
}

constexpr const char* kOnlyNames =
    "only names are stored in files, never values: \"NAME\" takes the host's variable NAME into the box, "
    "\"NAME=OTHER_NAME\" the host's OTHER_NAME under the name NAME\n"
    "--env NAME=VALUE on the command line gives a value";

}  // namespace

void apply_nothing(const Entry&, const Place&, plan::Request&, base::Diagnostics&) {}

void apply_name(const Entry& entry, const Place&, plan::Request&, base::Diagnostics& problems) {
  if (!is_profile_name(entry.text))
    problems.add("extends: '" + entry.text + "' can't be the name of a profile",
                 "letters, digits, -, _ and dots inside, as in profiles/NAME.toml; no path");
}

void apply_network(const Entry& entry, const Place&, plan::Request& request, base::Diagnostics& problems) {
  if (const auto tier = parse_tier(typed(entry), problems)) request.network = {*tier, entry.origin};
}

void apply_allow(const Entry& entry, const Place&, plan::Request& request, base::Diagnostics& problems) {
  take(entry, request.allow, problems, parse_allow);
}

void apply_publish(const Entry& entry, const Place&, plan::Request& request, base::Diagnostics& problems) {
  take(entry, request.publish, problems, parse_publish);
}

void apply_reach(const Entry& entry, const Place&, plan::Request& request, base::Diagnostics& problems) {
  take(entry, request.reach, problems, parse_reach);
}

void apply_lan(const Entry& entry, const Place&, plan::Request& request, base::Diagnostics& problems) {
  take(entry, request.lan, problems, parse_lan);
}

void apply_mount(const Entry& entry, const Place& place, plan::Request& request,
                 base::Diagnostics& problems) {
  const auto expanded = expand_variables(entry.text, place.host, problems);
  if (!expanded) return;
  Typed spelled = typed(entry);
  spelled.text = *expanded;
  auto mount = parse_mount(spelled, problems);
  if (!mount) return;
  const bool absolute = is_absolute(mount->source);
  if (!absolute && place.directory.empty()) {
    problems.add("mounts: '" + mount->source + "' is a relative path",
                 "a profile is used in every directory: begin with / or ~/");
    return;
  }
  if (!absolute) mount->source = base::normalize(base::path_join(place.directory, mount->source));
  request.mounts.push_back(std::move(*mount));
}

void apply_env(const Entry& entry, const Place&, plan::Request& request, base::Diagnostics& problems) {
  auto variable = parse_env(typed(entry), problems);
  if (!variable) return;
  if (variable->value) {
    const std::string other = *variable->value;
    variable->value.reset();
    // What stands there may be the secret itself, so it is not repeated.
    if (!is_variable_name(other) || !base::secret_shape(other).empty()) {
      problems.add("env: what follows " + variable->name + "= is no name of a variable", kOnlyNames);
      return;
    }
    if (other != variable->name) variable->host_name = other;
  }
  request.env.push_back(std::move(*variable));
}

void apply_agent(const Entry& entry, const Place&, plan::Request& request, base::Diagnostics& problems) {
  request_agent(typed(entry), request, problems);
}

void apply_auth(const Entry& entry, const Place&, plan::Request& request, base::Diagnostics& problems) {
  request_login(typed(entry), request, problems);
}

void apply_package(const Entry& entry, const Place& place, plan::Request& request,
                   base::Diagnostics& problems) {
  auto package = parse_package(typed(entry), problems);
  if (package && settle_flake("packages", place, *package, problems))
    request.packages.push_back(std::move(*package));
}

void apply_devshell(const Entry& entry, const Place& place, plan::Request& request,
                    base::Diagnostics& problems) {
  request.devshell.reset();
  if (!entry.truth) return;
  if (entry.text.empty()) {
    request.devshell = plan::PackageRequest{".", {}, true, entry.origin};
    return;
  }
  auto shell = parse_devshell(typed(entry), problems);
  if (!shell) return;
  const bool own = shell->local && shell->flake == ".";
  if (own || settle_flake("devshell", place, *shell, problems)) request.devshell = std::move(*shell);
}

void apply_nested(const Entry& entry, const Place&, plan::Request& request, base::Diagnostics&) {
  request.nested = {entry.truth, entry.origin};
}

void apply_audit(const Entry& entry, const Place&, plan::Request& request, base::Diagnostics& problems) {
  if (entry.text != "always" && entry.text != "changed") {
    const std::vector<std::string> known = {"always", "changed"};
    const auto near = base::nearest(entry.text, known);
    problems.add(
        "audit: '" + entry.text + "' is neither always nor changed",
        near ? "did you mean " + *near + "?" : "changed asks where something changed, always asks always");
    return;
  }
  request.always_ask = {entry.text == "always", entry.origin};
}

void apply_nix_daemon(const Entry& entry, const Place&, plan::Request& request, base::Diagnostics&) {
  request.nix_daemon.reset();
  if (entry.truth) request.nix_daemon = entry.origin;
}

void apply_nix_daemon_network(const Entry& entry, const Place&, plan::Request& request, base::Diagnostics&) {
  request.nix_daemon_network = entry.truth;
}

void apply_protect(const Entry& entry, const Place&, plan::Request& request, base::Diagnostics&) {
  const std::string name(entry.key->leaf());
  std::erase_if(request.lifted, [&](const auto& lifted) { return lifted.name == name; });
  if (!entry.truth) request.lifted.push_back({name, entry.origin});
}

void apply_limit(const Entry& entry, const Place&, plan::Request& request, base::Diagnostics& problems) {
  if (const auto limit = parse_limit_amount(entry.key->leaf(), typed(entry), problems))
    request_limit(*limit, request);
}

std::string whole_text(const Entry& entry) {
  return entry.text;
}

std::string variable_name(const Entry& entry) {
  return entry.text.substr(0, entry.text.find('='));
}

std::string host_port(const Entry& entry) {
  return entry.text.substr(0, entry.text.find(':'));
}

std::string mount_target(const Entry& entry) {
  base::Diagnostics unused;
  const auto mount = parse_mount({entry.text, "mounts", {}}, unused);
  if (!mount) return entry.text;
  std::string target = mount->target.empty() ? mount->source : mount->target;
  while (target.size() > 1 && target.ends_with('/')) target.pop_back();
  return target;
}

std::optional<std::string> expand_variables(std::string_view text, const sys::HostView& host,
                                            base::Diagnostics& problems) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) {
      if (text[at + 1] != '$') out += '\\';
      out += text[++at];
      continue;
    }
    if (text[at] != '$') {
      out += text[at];
      continue;
    }
    const bool braces = at + 1 < text.size() && text[at + 1] == '{';
    const std::size_t start = at + (braces ? 2 : 1);
    std::size_t end = start;
    while (end < text.size() && is_variable_name(text.substr(start, end + 1 - start))) ++end;
    const std::string name(text.substr(start, end - start));
    if (name.empty() || (braces && (end == text.size() || text[end] != '}'))) {
      problems.add("mounts: a $ that no name of a variable follows",
                   "a $ that belongs to a path is written \\$, "
                   "in single quotes: 'price\\$'");
      return std::nullopt;
    }
    const auto value = name == "HOME" ? std::optional(host.identity().home) : host.variable(name);
    if (!value) {
      problems.add("mounts: the variable " + name + " is not set here, or empty",
                   "set it, or write the path; a $ that belongs to a path is written \\$");
      return std::nullopt;
    }
    for (const char c : *value) {
      if (c == ':' || c == '\\') out += '\\';
      out += c;
    }
    at = braces ? end : end - 1;
  }
  return out;
}

bool is_profile_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= 64 && name.front() != '.' && name.front() != '-' &&
         name.back() != '.' && std::all_of(name.begin(), name.end(), plain);
}

}  // namespace claudebox::profile
