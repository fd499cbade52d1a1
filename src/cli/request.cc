#include "cli/request.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "cli/network_request.h"
#include "plan/agent.h"
#include "plan/plan.h"

namespace claudebox::cli {
namespace {

using base::Origin;

bool is_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

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

void choose_agent(const std::optional<std::string>& typed, plan::Request& request,
                  base::Diagnostics& problems) {
  if (!typed) return;
  request.agent = *typed;
  if (plan::agent_named(*typed)) return;
  std::vector<std::string> names;
  for (const auto& agent : plan::agents()) names.emplace_back(agent.name);
  const auto near = base::nearest(*typed, names);
  problems.add("unknown agent '" + *typed + "'", (near ? "did you mean " + *near + "?\n" : std::string()) +
                                                     "there are " + base::join(names, ", ") +
                                                     "; an option of the agent's own goes after --");
}

}  // namespace

std::optional<plan::MountRequest> parse_mount(const std::string& typed, base::Diagnostics& problems) {
  const std::string form = "--mount SRC[:DST][:ro|rw]; a colon that belongs to a path is written \\:";
  plan::MountRequest mount;
  mount.origin = {Origin::Kind::flag, "--mount " + typed, "asked for"};
  auto fields = split_fields(typed);
  if (fields.size() > 1 && (fields.back() == "ro" || fields.back() == "rw")) {
    mount.writable = fields.back() == "rw";
    fields.pop_back();
  }
  if (fields.front().empty() || fields.size() > 2 || fields.back().empty()) {
    problems.add("can't understand --mount " + typed, form);
    return std::nullopt;
  }
  mount.source = fields.front();
  if (fields.size() == 2) mount.target = fields.back();
  if (!mount.target.empty() && !is_absolute_or_home(mount.target)) {
    problems.add("--mount " + typed + ": '" + mount.target + "' is neither ro, rw nor an absolute path",
                 form);
    return std::nullopt;
  }
  return mount;
}

std::optional<plan::EnvRequest> parse_env(const std::string& typed, base::Diagnostics& problems) {
  const std::size_t equals = typed.find('=');
  plan::EnvRequest variable;
  variable.name = typed.substr(0, equals);
  if (!is_name(variable.name)) {
    // The value may be a secret: only the name is said.
    problems.add("--env: '" + variable.name + "' is no name of a variable",
                 "letters, digits and _, not starting with a digit: --env NAME or --env NAME=VALUE");
    return std::nullopt;
  }
  if (equals != std::string::npos) variable.value = typed.substr(equals + 1);
  variable.origin = {Origin::Kind::flag, "--env " + variable.name, "asked for"};
  return variable;
}

void request_login(const std::string& typed, plan::Request& request, base::Diagnostics& problems) {
  constexpr std::array kModes = {plan::LoginMode::broker, plan::LoginMode::store, plan::LoginMode::env,
                                 plan::LoginMode::none};
  const std::size_t colon = typed.find(':');
  const std::string mode = typed.substr(0, colon);
  std::vector<std::string> names;
  for (const auto known : kModes) {
    names.emplace_back(plan::login_name(known));
    if (mode == names.back()) request.login = {known, {Origin::Kind::flag, "--auth " + typed, "asked for"}};
  }
  if (!request.login || (colon != std::string::npos && mode != "store")) {
    const auto near = base::nearest(mode, names);
    problems.add(
        "unknown mode of --auth '" + typed + "'",
        (near && *near != mode ? "did you mean " + *near + "?\n" : std::string()) +
            "--auth broker      your login on this host, without its refresh token\n"
            "--auth store       a login of the boxes' own, apart from yours; store:NAME for several\n"
            "--auth env         the variables that carry a login\n"
            "--auth none        nothing");
    return;
  }
  if (colon == std::string::npos) return;
  const std::string name = typed.substr(colon + 1);
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), plain))
    problems.add("--auth store: '" + name + "' can't be a name",
                 "letters, digits, - and _, at most 64 of them");
  request.login_store = name;
}

plan::Request make_request(const LowArgs& low, const sys::HostView& host, base::Diagnostics& problems) {
  plan::Request request;
  request.arguments = low.rest;
  request.project = low.project;
  request.instance = low.instance;
  request.share_instance = low.force;
  if (low.verb == Verb::run || (low.verb == Verb::plan && !low.rest.empty()))
    request.action = plan::Action::command;
  if (low.verb == Verb::shell) request.action = plan::Action::shell;
  if (low.verb == Verb::selftest) request.action = plan::Action::selftest;

  choose_agent(low.agent, request, problems);
  request_network(low, host, request, problems);
  if (low.nix_daemon) request.nix_daemon = Origin{Origin::Kind::flag, "--nix-daemon", "asked for"};
  request.nix_daemon_network = low.nix_daemon_network;
  for (const auto& typed : low.mounts)
    if (auto mount = parse_mount(typed, problems)) request.mounts.push_back(std::move(*mount));
  for (const auto& typed : low.env) {
    auto variable = parse_env(typed, problems);
    if (!variable) continue;
    const bool twice = std::any_of(request.env.begin(), request.env.end(),
                                   [&](const auto& other) { return other.name == variable->name; });
    if (twice) problems.add("--env " + variable->name + " is given twice", "keep one of the two");
    request.env.push_back(std::move(*variable));
  }
  if (low.auth) request_login(*low.auth, request, problems);
  if (const auto state = host.variable("CLAUDEBOX_HOME"); state && !state->starts_with('/'))
    problems.add("CLAUDEBOX_HOME is not an absolute path: " + *state,
                 "set it to one, or unset it for ~/.claudebox");
  return request;
}

bool says_yes(const LowArgs& low, const sys::HostView& host) {
  return low.yes || host.variable("CLAUDEBOX_YES") == "1";
}

}  // namespace claudebox::cli
