// What the agent finds in the box besides its program (INST-4, INST-5, BOX-11): what is common to all agents. What
// belongs to one is a row of plan/agent_table.cc, and where that takes code, a file of its own.
//
// Theory of operation. The agent's state directory lies in the instance, so that history, sessions and logins
// of one project are never seen by another. Over it lie, read-only, the parts of the user's own configuration
// that are text for the agent: memory, skills, agents, commands and the like. Never shown: settings
// (copied, and only what is no secret), credentials, history, sessions and projects of the host.
#include "plan/agent_state.h"

#include <algorithm>
#include <array>

#include "base/path.h"
#include "base/text.h"
#include "plan/agent_settings.h"
#include "plan/box_view.h"

namespace claudebox::plan {
namespace {

/// Trees that no link in the user's configuration may bring into the box.
constexpr std::array<std::string_view, 15> kNeverLinked = {".ssh",
                                                           ".gnupg",
                                                           ".aws",
                                                           ".kube",
                                                           ".docker",
                                                           ".claude/projects",
                                                           ".codex/auth.json",
                                                           ".codex/sessions",
                                                           ".codex/config.toml",
                                                           ".gemini/oauth_creds.json",
                                                           ".gemini/gemini-credentials.json",
                                                           ".gemini/mcp-oauth-tokens.json",
                                                           ".gemini/tmp",
                                                           ".local/share/opencode",
                                                           ".password-store"};

/// Nor these as a whole; a part of them is fine (~/.config/claude/skills).
constexpr std::array<std::string_view, 4> kTooMuch = {".config", ".local/share", ".local/state",
                                                      ".claudebox"};

/// The directory that the agent's variable leads to, where the user has set it to an absolute path.
std::optional<std::string> moved_directory(const sys::HostView& host, const Agent& agent) {
  const auto value = host.variable(agent.state_variable);
  if (!value || !value->starts_with('/')) return std::nullopt;
  const std::string directory = base::normalize(*value);
  return agent.state_below.empty() ? directory : base::path_join(directory, agent.state_below);
}

}  // namespace

AgentState::AgentState(const sys::HostView& host, const Agent& agent, Plan& plan)
    : host_(host),
      agent_(agent),
      plan_(plan),
      moved_(moved_directory(host, agent).has_value()),
      user_directory_(
          moved_directory(host, agent).value_or(base::path_join(plan.user_home, agent.state_directory))),
      box_directory_(base::path_join(plan.user_home, agent.state_directory)),
      kept_directory_(base::path_join(plan.instance.home, agent.state_directory)) {}

void AgentState::run() {
  keep(StateFile::Policy::directory, kept_directory_, {}, "history, sessions and memory of this project");
  show_configuration();
  if (agent_.own_part) agent_.own_part(*this);
  set_variables();
  make_findable();
  write_memory();
}

void AgentState::keep(StateFile::Policy policy, std::string path, std::string content, std::string reason) {
  plan_.state.push_back(
      {.policy = policy,
       .path = std::move(path),
       .content = std::move(content),
       .origin = {base::Origin::Kind::builtin, std::string(agent_.name), std::move(reason)}});
}

void AgentState::show(const std::string& source, const std::string& target, const std::string& reason) {
  const auto real = host_.real_path(source);
  if (!real || !host_.readable(*real) || !may_be_shown(*real)) return;
  const auto kind = host_.stat(*real).kind;
  if (kind != sys::FileKind::file && kind != sys::FileKind::directory) return;
  warn_of_configuration_in_the_project(source, *real);
  // It is in the box already; a read-only mount would only keep the agent from working on it.
  if (base::is_within(target, plan_.project.root)) return;
  if (!shown_.insert(target).second) return;
  plan_.mounts.push_back({.kind = Mount::Kind::read_only,
                          .target = target,
                          .source = *real,
                          .purpose = Purpose::agent,
                          .origin = {base::Origin::Kind::detected, source, reason}});
}

/// Somebody's dotfiles repository as the project: not an accident, but worth a word.
void AgentState::warn_of_configuration_in_the_project(const std::string& source, const std::string& real) {
  if (plan_.project.root.empty() || !base::is_within(real, plan_.project.root)) return;
  warn(source + " lies in this project: what the box writes there, your own " + std::string(agent_.name) +
           " will use outside",
       source, "a link into the project");
}

/// A link may lead out of the configuration (to a dotfiles repository), but not to more than was meant.
bool AgentState::may_be_shown(const std::string& real) const {
  if (base::is_within(plan_.user_home, real)) return false;
  for (const auto tree : kTooMuch)
    if (base::is_within(base::path_join(plan_.user_home, tree), real)) return false;
  return std::none_of(kNeverLinked.begin(), kNeverLinked.end(), [&](std::string_view tree) {
    const std::string path = base::path_join(plan_.user_home, tree);
    return base::is_within(real, path) || base::is_within(path, real);
  });
}

std::string AgentState::own_configuration() const {
  return "your own configuration of " + std::string(agent_.name);
}

void AgentState::show_configuration() {
  for (const auto name : agent_.shown) show_tree(std::string(name), own_configuration());
}

void AgentState::show_tree(const std::string& name, const std::string& reason) {
  const std::string directory = base::path_join(user_directory_, name);
  show(directory, base::path_join(box_directory_, name), reason);
  const auto real = host_.real_path(directory);
  if (!real || !may_be_shown(*real)) return;
  for (const auto& entry : host_.list_directory(*real, 512)) {
    const auto link = host_.read_link(base::path_join(*real, entry));
    if (!link) continue;
    const std::string target = base::normalize(base::path_join(*real, *link));
    // A relative link of a tree that lies elsewhere in the box would need more than one mount to make
    // sense.
    const bool same_place = *real == base::path_join(box_directory_, name) || link->starts_with('/');
    if (same_place && !base::is_within(target, *real) && base::is_within(target, plan_.user_home))
      show(base::path_join(*real, entry), target, reason);
  }
}

void AgentState::keep_settings(const std::string& name) {
  const std::string path = base::path_join(user_directory_, name);
  const auto user = host_.read_file(path);
  if (!user) return;
  const auto filtered = filtered_settings(*user);
  if (!filtered) {
    warn(path + " is not a JSON object, so the box starts without it", path, "settings are copied in");
    return;
  }
  keep(StateFile::Policy::json_override, base::path_join(kept_directory_, name), *filtered,
       "your settings without secrets");
}

std::vector<std::string> AgentState::projects() const {
  std::vector<std::string> names;
  for (const auto& directory : {plan_.project.canonical_root, plan_.project.root, plan_.project.directory})
    if (!directory.empty() && std::find(names.begin(), names.end(), directory) == names.end())
      names.push_back(directory);
  return names;
}

std::string AgentState::version() const {
  const auto program = find_agent(host_, agent_);
  return program ? agent_version(host_, *program) : "0";
}

void AgentState::set_variables() {
  if (!agent_.state_variable.empty() && agent_.state_below.empty())
    generate(std::string(agent_.state_variable), box_directory_, std::string(agent_.state_holds));
  for (const auto& variable : agent_.variables)
    generate(std::string(variable.name), std::string(variable.value), std::string(variable.reason));
  for (const auto name : agent_.choices)
    if (const auto value = host_.variable(name))
      put({.name = std::string(name),
           .value = *value,
           .kind = EnvVar::Kind::host,
           .origin = {base::Origin::Kind::builtin, "allow-list", "a choice about the agent; not a secret"},
           .from_host = true});
}

/// In a shell in the box its name should work as well. On the host it may have been found through a chain of links
/// of which the box has only the end.
void AgentState::make_findable() {
  const auto program = find_agent(host_, agent_);
  if (!program) return;
  const BoxView view(plan_, host_);
  for (const auto& directory : base::split(value_of("PATH"), ':'))
    if (const auto found = view.find(base::path_join(directory, agent_.command));
        found && view.is_program(*found))
      return;
  plan_.mounts.push_back(
      {.kind = Mount::Kind::symlink,
       .target = base::path_join(plan_.user_home, ".local/box/bin/" + std::string(agent_.command)),
       .source = *program,
       .purpose = Purpose::agent,
       .origin = {base::Origin::Kind::detected, "PATH", "its name works in a shell too"}});
}

/// The host's own instructions, if they may be shown, and what the box is.
void AgentState::write_memory() {
  const bool fixed = agent_.memory_file.starts_with('/');
  auto real = host_.real_path(base::path_join(user_directory_, agent_.memory_file));
  if (!real && !agent_.memory_instead.empty())
    real = host_.real_path(base::path_join(plan_.user_home, agent_.memory_instead));
  std::string text;
  if (real && (fixed || may_be_shown(*real))) text = host_.read_file(*real).value_or("");
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
  if (!text.empty()) text += '\n';
  text += memory_text(plan_);
  plan_.mounts.push_back(
      {.kind = Mount::Kind::file,
       .target = base::path_join(box_directory_, agent_.memory_file),
       .content = std::move(text),
       .mode = 0444,
       .purpose = Purpose::agent,
       .origin = {base::Origin::Kind::builtin, "generated", "tells the agent where it is"}});
}

void AgentState::show_policy(const std::string& file, std::initializer_list<std::string_view> words) {
  show(file, file, "your organisation's policy");
  if (words.size() == 0) return;
  const auto policy = host_.read_file(file);
  if (policy && std::any_of(words.begin(), words.end(),
                            [&](std::string_view word) { return policy->find(word) != std::string::npos; }))
    warn("your organisation's policy (" + file +
             ") may forbid running without permission prompts; the agent then refuses to start",
         file, "the agent obeys it in a box too");
}

void AgentState::warn(std::string text, std::string source, std::string reason) {
  plan_.notes.push_back({Note::Level::warning,
                         std::move(text),
                         {base::Origin::Kind::detected, std::move(source), std::move(reason)}});
}

void AgentState::generate(std::string name, std::string value, std::string reason) {
  put({.name = std::move(name),
       .value = std::move(value),
       .kind = EnvVar::Kind::generated,
       .origin = {base::Origin::Kind::builtin, std::string(agent_.name), std::move(reason)}});
}

void AgentState::put(EnvVar variable) {
  const bool there = std::any_of(plan_.env.begin(), plan_.env.end(),
                                 [&](const EnvVar& other) { return other.name == variable.name; });
  if (!there) plan_.env.push_back(std::move(variable));
}

std::string AgentState::value_of(std::string_view name) const {
  for (const auto& variable : plan_.env)
    if (variable.name == name) return variable.value;
  return {};
}

void plan_agent_state(const sys::HostView& host, const Agent& agent, Plan& plan) {
  AgentState(host, agent, plan).run();
}

}  // namespace claudebox::plan
