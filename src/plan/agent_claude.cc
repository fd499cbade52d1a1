// What is Claude Code's alone in a box.
//
// Plugins: what was fetched lies there read-only. The records beside it are copied, because the agent writes
// them at every start, and because they name the user's other projects. (A seed directory,
// CLAUDE_CODE_PLUGIN_SEED_DIR, was tried: in the first session of an instance its plugins come too late.)
//
// Hooks and the status line of the user's settings are kept. They run in the box, with the rights of the
// agent and no more; a script of ~/.claude/hooks is shown, one from elsewhere is not there, and the agent
// then reports that and goes on.
#include <array>

#include "base/path.h"
#include "plan/agent_settings.h"
#include "plan/agent_state.h"

namespace claudebox::plan {
namespace {

/// Of the plugins, not their data directories: those may hold logins.
constexpr std::array<std::string_view, 2> kPluginTrees = {"marketplaces", "cache"};
constexpr std::array<std::string_view, 2> kPluginRecords = {"known_marketplaces.json",
                                                            "installed_plugins.json"};

/// The organisation's policy. Read by the agent from this fixed place.
constexpr std::string_view kPolicyDirectory = "/etc/claude-code";
constexpr std::array<std::string_view, 4> kPolicy = {"managed-settings.json", "managed-settings.d",
                                                     "managed-mcp.json", ".claude"};

/// Every *.md (CLAUDE.md imports them) and status line script.
void show_files(AgentState& state) {
  for (const auto& name : state.host().list_directory(state.user_directory()))
    if (name.ends_with(".md") || name.starts_with("statusline"))
      state.show(base::path_join(state.user_directory(), name), base::path_join(state.box_directory(), name),
                 state.own_configuration());
}

void show_plugins(AgentState& state) {
  const std::string plugins = base::path_join(state.user_directory(), "plugins");
  const std::string in_box = base::path_join(state.box_directory(), "plugins");
  for (const auto name : kPluginTrees)
    state.show(base::path_join(plugins, name), base::path_join(in_box, name), "your plugins");
  for (const auto name : kPluginRecords)
    if (const auto record = state.host().read_file(base::path_join(plugins, name)))
      state.keep(
          StateFile::Policy::replace, base::path_join(state.kept_directory(), "plugins/" + std::string(name)),
          box_plugin_record(*record, plugins, in_box, state.projects()), "which of your plugins there are");
}

void show_policy(AgentState& state) {
  for (const auto name : kPolicy)
    state.show_policy(base::path_join(kPolicyDirectory, name), {"disableBypassPermissionsMode"});
}

void write_settings(AgentState& state) {
  const std::string path = base::path_join(state.user_directory(), "settings.json");
  const auto user = state.host().read_file(path);
  if (user && !filtered_settings(*user))
    state.warn(path + " is not a JSON object, so the box starts without your settings", path,
               "settings are copied in");
  // As uid 0 a nested sandbox can't map its ids (EPERM), and with failIfUnavailable the agent would not
  // start.
  const bool own_sandbox = state.plan().uid != 0 && state.plan().nested;
  state.keep(StateFile::Policy::json_override, base::path_join(state.kept_directory(), "settings.json"),
             box_settings(user, own_sandbox),
             "your settings without secrets, and unattended running accepted");
}

void write_state(AgentState& state) {
  const std::string path = base::path_join(state.kept_directory(), ".claude.json");
  // The file grows to megabytes, and parsing it would be most of the time of planning: only for a first run.
  const bool first = !state.host().lstat(path).exists();
  const bool account = state.plan().login.mode.value == LoginMode::broker;
  std::optional<std::string> user;
  if (first || account)
    user = state.host().read_file(
        base::path_join(state.moved() ? state.user_directory() : state.plan().user_home, ".claude.json"),
        std::size_t{8} << 20U);
  const std::optional<std::string> preferences = first ? user : std::nullopt;
  state.keep(StateFile::Policy::json_defaults, path, first_run_state(state.version(), preferences),
             "a first run asks nothing");
  state.keep(StateFile::Policy::json_override, path,
             start_state(state.projects(), state.value_of("ANTHROPIC_API_KEY"),
                         account ? account_of(user.value_or("")) : ""),
             "this project is trusted, since you started a box on it");
}

}  // namespace

void plan_claude(AgentState& state) {
  show_files(state);
  show_plugins(state);
  show_policy(state);
  write_settings(state);
  write_state(state);
}

}  // namespace claudebox::plan
