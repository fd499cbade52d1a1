// Theory of operation
//
// Each value of a request may be said in several places, and the highest wins:
//   1 the built-in default
//   2 ~/.claudebox/config.toml, then the profile with what it extends
//   3 the project's .claudebox.toml, as far as it takes away, or has been approved
//   4 the environment: CLAUDEBOX_NETWORK
//   5 flags
// Lists add, and what has the same name (a variable, a mount's target, a port) is replaced. 3 is judged against all the
// rest, so the request is made without it first.
#include "cli/request.h"

#include <algorithm>
#include <optional>

#include "base/path.h"
#include "base/text.h"
#include "plan/build.h"
#include "plan/limits.h"
#include "profile/fit.h"
#include "profile/grants.h"
#include "profile/limits.h"
#include "profile/load.h"
#include "profile/network_grants.h"
#include "profile/package_grants.h"
#include "profile/project.h"

namespace claudebox::cli {
namespace {

using base::Origin;
using profile::Typed;

constexpr int kNoProject = -1;

std::optional<profile::Choice> chosen_profile(const LowArgs& low, const sys::HostView& host) {
  if (low.profile) return profile::Choice{*low.profile, Typed::flag("--profile", *low.profile).origin};
  if (const auto name = host.variable("CLAUDEBOX_PROFILE"))
    return profile::Choice{*name, {Origin::Kind::environment, "CLAUDEBOX_PROFILE", "asked for"}};
  return std::nullopt;
}

/// The flag, then the environment, then the highest file, then the default.
profile::ChosenTier chosen_tier(const LowArgs& low, const sys::HostView& host,
                                const std::vector<profile::Entry>& entries, base::Diagnostics& problems) {
  std::optional<Typed> typed;
  if (low.network) {
    typed = Typed::flag("--network", *low.network);
  } else if (const auto set = host.variable("CLAUDEBOX_NETWORK")) {
    typed = Typed{*set, "--network", {Origin::Kind::environment, "CLAUDEBOX_NETWORK", "asked for"}};
  }
  if (typed) {
    const auto tier = profile::parse_tier(*typed, problems);
    return {{tier.value_or(plan::Tier::internet), typed->origin}, profile::kCommandLine};
  }
  base::Diagnostics said;
  for (const auto& entry : entries)
    if (entry.key->name == "network")
      if (const auto tier = profile::parse_tier({entry.text, "network", entry.origin}, said))
        return {{*tier, entry.origin}, entry.layer};
  if (low.verb == Verb::selftest)
    return {{plan::Tier::offline, {Origin::Kind::builtin, "default", "the self-test needs no network"}}};
  return {{plan::Tier::internet,
           {Origin::Kind::builtin, "default", "an agent needs the internet, not your network"}}};
}

/// Takes every value of one option; what a file said of the same thing gives way.
template <class Value, class Same>
void take(const std::string& option, const std::vector<std::string>& typed, std::vector<Value>& out,
          base::Diagnostics& problems, std::optional<Value> (*parse)(const Typed&, base::Diagnostics&),
          Same same) {
  for (const auto& word : typed) {
    auto value = parse(Typed::flag(option, word), problems);
    if (!value) continue;
    std::erase_if(out, [&](const Value& other) {
      return other.origin.kind == Origin::Kind::profile && same(other, *value);
    });
    out.push_back(std::move(*value));
  }
}

std::string target_of(const plan::MountRequest& mount) {
  return mount.target.empty() ? mount.source : mount.target;
}

void take_lists(const LowArgs& low, plan::Request& request, base::Diagnostics& problems) {
  take("--allow", low.allow, request.allow, problems, profile::parse_allow,
       [](const auto& a, const auto& b) { return a.pattern == b.pattern; });
  take("--lan", low.lan, request.lan, problems, profile::parse_lan, [](const auto& a, const auto& b) {
    return a.prefix == b.prefix && a.name == b.name && a.port == b.port;
  });
  take("--publish", low.publish, request.publish, problems, profile::parse_publish,
       [](const auto& a, const auto& b) { return a.host_port == b.host_port; });
  take("--reach", low.reach, request.reach, problems, profile::parse_reach,
       [](const auto& a, const auto& b) { return a.port == b.port; });
  take("--mount", low.mounts, request.mounts, problems, profile::parse_mount,
       [](const auto& a, const auto& b) { return target_of(a) == target_of(b); });
  take("--package", low.packages, request.packages, problems, profile::parse_package,
       [](const auto& a, const auto& b) { return a.flake == b.flake && a.attribute == b.attribute; });
  take("--env", low.env, request.env, problems, profile::parse_env,
       [](const auto& a, const auto& b) { return a.name == b.name; });
  for (auto at = request.env.begin(); at != request.env.end(); ++at)
    if (std::any_of(request.env.begin(), at, [&](const auto& other) { return other.name == at->name; }))
      problems.add("--env " + at->name + " is given twice", "keep one of the two");
}

/// Also "none", which takes away what a file says.
void take_limits(const LowArgs& low, plan::Request& request, base::Diagnostics& problems) {
  std::vector<plan::LimitKind> given;
  for (const auto& word : low.limits) {
    const auto limit = profile::parse_limit(Typed::flag("--limit", word), problems);
    if (!limit) continue;
    if (std::find(given.begin(), given.end(), limit->kind) != given.end())
      problems.add("--limit " + std::string(plan::limit_name(limit->kind)) + " is given twice",
                   "keep one of the two");
    given.push_back(limit->kind);
    profile::request_limit(*limit, request);
  }
}

/// What the command line says besides any grant.
plan::Request started(const LowArgs& low) {
  plan::Request request;
  request.arguments = low.rest;
  request.project = low.project;
  request.instance = low.instance;
  request.share_instance = low.force;
  if (low.verb == Verb::run || (low.verb == Verb::plan && !low.rest.empty()))
    request.action = plan::Action::command;
  if (low.verb == Verb::packages_update) {  // needs no agent
    request.action = plan::Action::command;
    request.arguments = {"/bin/sh"};
  }
  if (low.verb == Verb::shell) request.action = plan::Action::shell;
  if (low.verb == Verb::selftest) request.action = plan::Action::selftest;
  return request;
}

/// The files' entries with environment and flags over them.
plan::Request settle(const LowArgs& low, const sys::HostView& host, std::vector<profile::Entry> entries,
                     const profile::Place& place, int project_layer, base::Diagnostics& problems) {
  plan::Request request = started(low);
  const auto tier = chosen_tier(low, host, entries, problems);
  request.notes = profile::fit_to_tier(entries, tier, project_layer);
  profile::apply(entries, place, request);
  request.network = tier.tier;
  take_lists(low, request, problems);
  take_limits(low, request, problems);
  if (low.nix_daemon) request.nix_daemon = Origin{Origin::Kind::flag, "--nix-daemon", "asked for"};
  request.nix_daemon_network = request.nix_daemon_network || low.nix_daemon_network;
  if (low.devshell)
    if (auto shell = profile::parse_devshell(Typed::flag("--devshell", *low.devshell), problems))
      request.devshell = std::move(*shell);
  if (low.agent) profile::request_agent(Typed::flag("--agent", *low.agent), request, problems);
  if (low.auth) profile::request_login(Typed::flag("--auth", *low.auth), request, problems);
  return request;
}

void check_state_root(const sys::HostView& host, base::Diagnostics& problems) {
  if (const auto state = host.variable("CLAUDEBOX_HOME"); state && !state->starts_with('/'))
    problems.add("CLAUDEBOX_HOME is not an absolute path: " + *state,
                 "set it to one, or unset it for ~/.claudebox");
}

plan::Note note_of_waiting(const profile::Judged& judged) {
  constexpr std::size_t kShown = 6;
  std::vector<std::string> parts;
  for (const auto& entry : judged.waiting)
    if (parts.size() < kShown) parts.push_back(profile::describe(entry));
  if (judged.waiting.size() > kShown)
    parts.push_back("and " + std::to_string(judged.waiting.size() - kShown) + " more");
  return {plan::Note::Level::warning,
          std::string(profile::kProjectFile) +
              " asks for more, which `claudebox trust` shows and approves: " + base::join(parts, ", "),
          judged.waiting.front().origin};
}

}  // namespace

plan::Request make_own_request(const LowArgs& low, const sys::HostView& host, base::Diagnostics& problems) {
  check_state_root(host, problems);
  auto settings = profile::load(chosen_profile(low, host), host, problems);
  plan::Request request = settle(low, host, settings.entries, {host, {}}, kNoProject, problems);
  request.files = std::move(settings.files);
  return request;
}

std::optional<ProjectSay> project_say(const plan::Request& asked, const sys::HostView& host,
                                      base::Diagnostics& problems) {
  const std::string start =
      base::path_join(host.current_directory(), asked.project.value_or(host.current_directory()));
  if (!profile::may_have_project_file(host, host.real_path(start).value_or(start))) return std::nullopt;
  const auto root = plan::project_root(asked, host);
  if (!root) return std::nullopt;
  auto source = profile::read_project_file(host, *root, problems);
  if (!source) return std::nullopt;
  auto judged = profile::judge(*source, asked, host, problems);
  return ProjectSay{std::move(*source), std::move(judged)};
}

plan::Request make_request(const LowArgs& low, const sys::HostView& host, base::Diagnostics& problems) {
  check_state_root(host, problems);
  auto settings = profile::load(chosen_profile(low, host), host, problems);
  plan::Request request = settle(low, host, settings.entries, {host, {}}, kNoProject, problems);
  request.files = settings.files;
  if (!problems.empty()) return request;
  const auto say = project_say(request, host, problems);
  if (!say || !problems.empty()) return request;

  profile::merge(settings.entries, say->judged.allowed);
  request = settle(low, host, settings.entries, {host, base::parent_of(say->source.path)},
                   profile::kProjectLayer, problems);
  request.files = std::move(settings.files);
  request.files.push_back({plan::SettingsFile::Kind::project, profile::kProjectFile, say->source.path,
                           !say->judged.waiting.empty()});
  if (!say->judged.waiting.empty()) request.notes.push_back(note_of_waiting(say->judged));
  return request;
}

bool says_yes(const LowArgs& low, const sys::HostView& host) {
  return low.yes || host.variable("CLAUDEBOX_YES") == "1";
}

}  // namespace claudebox::cli
