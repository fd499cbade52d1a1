// What the agent finds in the box besides its program (INST-4, INST-5, BOX-11).
//
// Theory of operation. The agent's state directory lies in the instance, so that history, sessions and logins
// of one project are never seen by another. Over it lie, read-only, the parts of the user's own configuration
// that are text for the agent: memory, skills, agents, commands and the like. Never shown: settings.json
// (copied, and only what is no secret), credentials, history, sessions and projects of the host.
//
// Plugins: what was fetched lies there read-only. The records beside it are copied, because the agent writes
// them at every start, and because they name the user's other projects. (A seed directory,
// CLAUDE_CODE_PLUGIN_SEED_DIR, was tried: in the first session of an instance its plugins come too late.)
//
// Hooks and the status line of the user's settings are kept. They run in the box, with the rights of the
// agent and no more; a script of ~/.claude/hooks is shown, one from elsewhere is not there, and the agent
// then reports that and goes on.
#include <algorithm>
#include <array>
#include <set>

#include "base/path.h"
#include "base/text.h"
#include "plan/agent.h"
#include "plan/agent_settings.h"
#include "plan/box_view.h"

namespace claudebox::plan {
namespace {

/// Text for the agent below the user's configuration directory; beside these every *.md (which CLAUDE.md
/// imports) and status line script.
constexpr std::array<std::string_view, 9> kShown = {"skills",        "agents", "commands",
                                                    "output-styles", "rules",  "themes",
                                                    "workflows",     "hooks",  "keybindings.json"};

/// Of the plugins, not their data directories: those may hold logins.
constexpr std::array<std::string_view, 2> kPluginTrees = {"marketplaces", "cache"};
constexpr std::array<std::string_view, 2> kPluginRecords = {"known_marketplaces.json",
                                                            "installed_plugins.json"};

/// The organisation's policy. Read by the agent from this fixed place.
constexpr std::string_view kPolicyDirectory = "/etc/claude-code";
constexpr std::array<std::string_view, 4> kPolicy = {"managed-settings.json", "managed-settings.d",
                                                     "managed-mcp.json", ".claude"};

/// Choices about the agent that people make in their shell's start-up files. None of them is a credential.
constexpr std::array<std::string_view, 21> kChoices = {
    "DISABLE_TELEMETRY",
    "DISABLE_ERROR_REPORTING",
    "DISABLE_COST_WARNINGS",
    "DISABLE_PROMPT_CACHING",
    "DO_NOT_TRACK",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "CLAUDE_CODE_DISABLE_TERMINAL_TITLE",
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
    "CLAUDE_CODE_EFFORT_LEVEL",
    "CLAUDE_CODE_SUBAGENT_MODEL",
    "ANTHROPIC_MODEL",
    "ANTHROPIC_SMALL_FAST_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "MAX_THINKING_TOKENS",
    "MAX_MCP_OUTPUT_TOKENS",
    "MCP_TIMEOUT",
    "BASH_DEFAULT_TIMEOUT_MS",
    "BASH_MAX_TIMEOUT_MS",
    "BASH_MAX_OUTPUT_LENGTH",
};

/// Trees that no link in the user's configuration may bring into the box.
constexpr std::array<std::string_view, 7> kNeverLinked = {
    ".ssh", ".gnupg", ".aws", ".kube", ".docker", ".claude/projects", ".password-store"};

/// Nor these as a whole; a part of them is fine (~/.config/claude/skills).
constexpr std::array<std::string_view, 4> kTooMuch = {".config", ".local/share", ".local/state",
                                                      ".claudebox"};

class AgentState {
 public:
  AgentState(const sys::HostView& host, const Agent& agent, Plan& plan)
      : host_(host),
        agent_(agent),
        plan_(plan),
        moved_(host.variable("CLAUDE_CONFIG_DIR").value_or("").starts_with('/')),
        user_directory_(moved_ ? base::normalize(*host.variable("CLAUDE_CONFIG_DIR"))
                               : base::path_join(plan.user_home, agent.state_directory)),
        box_directory_(base::path_join(plan.user_home, agent.state_directory)),
        kept_directory_(base::path_join(plan.instance.home, agent.state_directory)) {}

  void run() {
    add_state(StateFile::Policy::directory, kept_directory_, {},
              "history, sessions and memory of this project");
    show_configuration();
    show_plugins();
    show_policy();
    write_settings();
    write_state();
    set_variables();
    make_findable();
    write_memory();
  }

 private:
  void add_state(StateFile::Policy policy, std::string path, std::string content, std::string reason) {
    plan_.state.push_back(
        {.policy = policy,
         .path = std::move(path),
         .content = std::move(content),
         .origin = {base::Origin::Kind::builtin, std::string(agent_.name), std::move(reason)}});
  }

  void show(const std::string& source, const std::string& target, const std::string& reason) {
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
  void warn_of_configuration_in_the_project(const std::string& source, const std::string& real) {
    if (plan_.project.root.empty() || !base::is_within(real, plan_.project.root)) return;
    plan_.notes.push_back({Note::Level::warning,
                           source + " lies in this project: what the box writes there, your own " +
                               std::string(agent_.name) + " will use outside",
                           {base::Origin::Kind::detected, source, "a link into the project"}});
  }

  /// A link may lead out of the configuration (to a dotfiles repository), but not to more than was meant.
  bool may_be_shown(const std::string& real) const {
    if (base::is_within(plan_.user_home, real)) return false;
    for (const auto tree : kTooMuch)
      if (base::is_within(base::path_join(plan_.user_home, tree), real)) return false;
    return std::none_of(kNeverLinked.begin(), kNeverLinked.end(), [&](std::string_view tree) {
      const std::string path = base::path_join(plan_.user_home, tree);
      return base::is_within(real, path) || base::is_within(path, real);
    });
  }

  void show_configuration() {
    const std::string reason = "your own configuration of " + std::string(agent_.name);
    for (const auto name : kShown) show_tree(std::string(name), reason);
    for (const auto& name : host_.list_directory(user_directory_))
      if (name.ends_with(".md") || name.starts_with("statusline"))
        show(base::path_join(user_directory_, name), base::path_join(box_directory_, name), reason);
  }

  /// A directory, and what the links in it lead to (~/.claude/skills/x -> ~/dotfiles/skills/x), which the box
  /// would miss otherwise: shown where the link says, so that the link in the box leads there.
  void show_tree(const std::string& name, const std::string& reason) {
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

  void show_plugins() {
    const std::string plugins = base::path_join(user_directory_, "plugins");
    const std::string in_box = base::path_join(box_directory_, "plugins");
    for (const auto name : kPluginTrees)
      show(base::path_join(plugins, name), base::path_join(in_box, name), "your plugins");
    for (const auto name : kPluginRecords)
      if (const auto record = host_.read_file(base::path_join(plugins, name)))
        add_state(StateFile::Policy::replace,
                  base::path_join(kept_directory_, "plugins/" + std::string(name)),
                  box_plugin_record(*record, plugins, in_box, projects()), "which of your plugins there are");
  }

  void show_policy() {
    for (const auto name : kPolicy) {
      const std::string path = base::path_join(kPolicyDirectory, name);
      show(path, path, "your organisation's policy");
    }
    const auto policy = host_.read_file(base::path_join(kPolicyDirectory, kPolicy[0]));
    if (policy && policy->find("disableBypassPermissionsMode") != std::string::npos)
      plan_.notes.push_back(
          {Note::Level::warning,
           "your organisation's policy (/etc/claude-code/managed-settings.json) may forbid "
           "running without permission prompts; the agent then refuses to start",
           {base::Origin::Kind::detected, "/etc/claude-code", "the agent obeys it in a box too"}});
  }

  void write_settings() {
    const std::string path = base::path_join(user_directory_, "settings.json");
    const auto user = host_.read_file(path);
    if (user && !filtered_settings(*user))
      plan_.notes.push_back({Note::Level::warning,
                             path + " is not a JSON object, so the box starts without your settings",
                             {base::Origin::Kind::detected, path, "settings are copied in"}});
    // As uid 0 a nested sandbox can't map its ids (EPERM), and with failIfUnavailable the agent would not
    // start.
    const bool own_sandbox = plan_.uid != 0 && plan_.nested;
    add_state(StateFile::Policy::json_override, base::path_join(kept_directory_, "settings.json"),
              box_settings(user, own_sandbox),
              "your settings without secrets, and unattended running accepted");
  }

  void write_state() {
    const std::string path = base::path_join(kept_directory_, ".claude.json");
    // The file grows to megabytes, and parsing it would be most of the time of planning: only for a first run.
    const bool first = !host_.lstat(path).exists();
    const bool account = plan_.login.mode.value == LoginMode::broker;
    std::optional<std::string> user;
    if (first || account)
      user = host_.read_file(base::path_join(moved_ ? user_directory_ : plan_.user_home, ".claude.json"),
                             std::size_t{8} << 20U);
    const std::optional<std::string> preferences = first ? user : std::nullopt;
    add_state(StateFile::Policy::json_defaults, path, first_run_state(version(), preferences),
              "a first run asks nothing");
    add_state(
        StateFile::Policy::json_override, path,
        start_state(projects(), value_of("ANTHROPIC_API_KEY"), account ? account_of(user.value_or("")) : ""),
        "this project is trusted, since you started a box on it");
  }

  /// The names under which the agent may know this project.
  std::vector<std::string> projects() const {
    std::vector<std::string> names;
    for (const auto& directory : {plan_.project.canonical_root, plan_.project.root, plan_.project.directory})
      if (!directory.empty() && std::find(names.begin(), names.end(), directory) == names.end())
        names.push_back(directory);
    return names;
  }

  std::string version() const {
    const auto program = find_agent(host_, agent_);
    return program ? agent_version(host_, *program) : "0";
  }

  void set_variables() {
    generate("CLAUDE_CONFIG_DIR", box_directory_, "its state, with .claude.json inside");
    generate("DISABLE_AUTOUPDATER", "1", "its program is read-only in the box");
    generate("CLAUDE_CODE_IDE_SKIP_AUTO_INSTALL", "1", "no editor of yours is in the box");
    // Without it the agent refuses to run unattended as root. It means what it says.
    generate("IS_SANDBOX", "1", "tells it that it is in a sandbox");
    for (const auto name : kChoices)
      if (const auto value = host_.variable(name))
        put({.name = std::string(name),
             .value = *value,
             .kind = EnvVar::Kind::host,
             .origin = {base::Origin::Kind::builtin, "allow-list", "a choice about the agent; not a secret"},
             .from_host = true});
  }

  /// In a shell in the box its name should work as well. On the host it may have been found through a chain of links
  /// of which the box has only the end.
  void make_findable() {
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

  void generate(std::string name, std::string value, std::string reason) {
    put({.name = std::move(name),
         .value = std::move(value),
         .kind = EnvVar::Kind::generated,
         .origin = {base::Origin::Kind::builtin, std::string(agent_.name), std::move(reason)}});
  }

  /// What the user granted by --env stays.
  void put(EnvVar variable) {
    const bool there = std::any_of(plan_.env.begin(), plan_.env.end(),
                                   [&](const EnvVar& other) { return other.name == variable.name; });
    if (!there) plan_.env.push_back(std::move(variable));
  }

  std::string value_of(std::string_view name) const {
    for (const auto& variable : plan_.env)
      if (variable.name == name) return variable.value;
    return {};
  }

  void write_memory() {
    const std::string path(agent_.memory_file);
    std::string text = host_.read_file(path).value_or("");
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    if (!text.empty()) text += '\n';
    text += memory_text(plan_);
    plan_.mounts.push_back(
        {.kind = Mount::Kind::file,
         .target = path,
         .content = std::move(text),
         .mode = 0444,
         .purpose = Purpose::agent,
         .origin = {base::Origin::Kind::builtin, "generated", "tells the agent where it is"}});
  }

  const sys::HostView& host_;
  const Agent& agent_;
  Plan& plan_;
  const bool moved_;                  ///< the user has it elsewhere than usual
  const std::string user_directory_;  ///< the user's own, on the host
  const std::string box_directory_;   ///< in the box
  const std::string kept_directory_;  ///< the same in the instance, on the host
  std::set<std::string> shown_;
};

}  // namespace

void plan_agent_state(const sys::HostView& host, const Agent& agent, Plan& plan) {
  AgentState(host, agent, plan).run();
}

}  // namespace claudebox::plan
