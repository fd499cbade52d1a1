#include "profile/grants.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/text.h"
#include "plan/agent.h"
#include "plan/plan.h"

namespace claudebox::profile {
namespace {

/// At colons that no backslash precedes.
std::vector<std::string> split_fields(const std::string& typed) {
  std::vector<std::string> fields(1);
  for (std::size_t at = 0; at < typed.size(); ++at) {
    const char next = at + 1 < typed.size() ? typed[at + 1] : '\0';
    if (typed[at] == '\\' && (next == ':' || next == '\\')) {
      fields.back() += next;
      ++at;
    } else if (typed[at] == ':') {
      fields.emplace_back();
    } else {
      fields.back() += typed[at];
    }
  }
  return fields;
}

bool is_absolute_or_home(const std::string& path) {
  return path.starts_with('/') || path == "~" || path.starts_with("~/");
}

}  // namespace

bool is_variable_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::optional<plan::MountRequest> parse_mount(const Typed& typed, base::Diagnostics& problems) {
  const std::string form = typed.form("SRC[:DST][:ro|rw]; a colon that belongs to a path is written \\:");
  plan::MountRequest mount;
  mount.origin = typed.origin;
  auto fields = split_fields(typed.text);
  if (fields.size() > 1 && (fields.back() == "ro" || fields.back() == "rw")) {
    mount.writable = fields.back() == "rw";
    fields.pop_back();
  }
  if (fields.front().empty() || fields.size() > 2 || fields.back().empty()) {
    problems.add("can't understand " + typed.spoken(), form);
    return std::nullopt;
  }
  mount.source = fields.front();
  if (fields.size() == 2) mount.target = fields.back();
  if (!mount.target.empty() && !is_absolute_or_home(mount.target)) {
    problems.add(typed.spoken() + ": '" + mount.target + "' is neither ro, rw nor an absolute path", form);
    return std::nullopt;
  }
  return mount;
}

std::optional<plan::EnvRequest> parse_env(const Typed& typed, base::Diagnostics& problems) {
  const std::size_t equals = typed.text.find('=');
  plan::EnvRequest variable;
  variable.name = typed.text.substr(0, equals);
  if (!is_variable_name(variable.name)) {
    // The value may be a secret: only the name is said.
    problems.add(typed.name + ": '" + variable.name + "' is no name of a variable",
                 "letters, digits and _, not starting with a digit: " + typed.form("NAME") + " or " +
                     typed.form(typed.is_flag() ? "NAME=VALUE" : "NAME=OTHER_NAME"));
    return std::nullopt;
  }
  if (equals != std::string::npos) variable.value = typed.text.substr(equals + 1);
  variable.origin = typed.origin;
  // The value may be a secret, and an origin is shown.
  if (typed.is_flag()) variable.origin.source = typed.name + " " + variable.name;
  return variable;
}

void request_agent(const Typed& typed, plan::Request& request, base::Diagnostics& problems) {
  request.agent = typed.text;
  if (plan::agent_named(typed.text)) return;
  std::vector<std::string> names;
  for (const auto& agent : plan::agents()) names.emplace_back(agent.name);
  const auto near = base::nearest(typed.text, names);
  problems.add("unknown agent '" + typed.text + "'",
               (near ? "did you mean " + *near + "?\n" : std::string()) + "there are " +
                   base::join(names, ", ") +
                   (typed.is_flag() ? "; an option of the agent's own goes after --" : ""));
}

void request_login(const Typed& typed, plan::Request& request, base::Diagnostics& problems) {
  constexpr std::array kModes = {plan::LoginMode::broker, plan::LoginMode::store, plan::LoginMode::env,
                                 plan::LoginMode::none};
  const std::size_t colon = typed.text.find(':');
  const std::string mode = typed.text.substr(0, colon);
  std::vector<std::string> names;
  bool understood = false;
  for (const auto known : kModes) {
    names.emplace_back(plan::login_name(known));
    if (mode == names.back()) {
      request.login = {known, typed.origin};
      request.login_store.clear();
      understood = true;
    }
  }
  if (!understood || (colon != std::string::npos && mode != "store")) {
    const auto near = base::nearest(mode, names);
    problems.add(
        "unknown mode of " + typed.name + " '" + typed.text + "'",
        (near && *near != mode ? "did you mean " + *near + "?\n" : std::string()) +
            typed.form("broker      your login on this host, without its refresh token\n") +
            typed.form("store       a login of the boxes' own, apart from yours; store:NAME for several\n") +
            typed.form("env         the variables that carry a login\n") + typed.form("none        nothing"));
    return;
  }
  if (colon == std::string::npos) return;
  const std::string name = typed.text.substr(colon + 1);
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), plain))
    problems.add(typed.name + " store: '" + name + "' can't be a name",
                 "letters, digits, - and _, at most 64 of them");
  request.login_store = name;
}

}  // namespace claudebox::profile
