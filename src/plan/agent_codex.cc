// What is Codex's alone in a box.
//
// Its configuration is TOML and it writes config.toml itself (the model that was chosen, say), so that file is the
// instance's. What the box adds lies in /etc/codex/config.toml, which Codex reads below it. Of the user's own
// config.toml only a few simple choices are taken over: servers and providers in it may hold keys.
#include <algorithm>
#include <array>

#include "base/path.h"
#include "base/text.h"
#include "base/toml_string.h"
#include "plan/agent_settings.h"
#include "plan/agent_state.h"

namespace claudebox::plan {
namespace {

constexpr std::string_view kSystemConfiguration = "/etc/codex/config.toml";
constexpr std::array<std::string_view, 2> kPolicy = {"/etc/codex/requirements.toml",
                                                     "/etc/codex/managed_config.toml"};
constexpr std::array<std::string_view, 6> kChoices = {
    "model",       "model_reasoning_effort", "model_reasoning_summary", "model_verbosity", "personality",
    "service_tier"};

/// The word in `KEY = "word"`, where the line is that and nothing else.
std::optional<std::string> simple_value(std::string_view line, std::string_view key) {
  line = base::trim(line);
  if (!line.starts_with(key)) return std::nullopt;
  line = base::trim(line.substr(key.size()));
  if (!line.starts_with('=')) return std::nullopt;
  line = base::trim(line.substr(1));
  if (line.size() < 3 || (line.front() != '"' && line.front() != '\'') || line.back() != line.front())
    return std::nullopt;
  const std::string_view word = line.substr(1, line.size() - 2);
  const bool plain = std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._:/").find(c) != std::string_view::npos;
  });
  if (!plain || looks_secret("", word)) return std::nullopt;
  return std::string(word);
}

/// Lines of the user's config.toml in front of its first table, as far as they are simple. A string of several lines ends
/// the reading: what stands in it only looks like lines.
std::string choices_of(const std::string& user) {
  std::string out;
  for (const auto& line : base::split(user, '\n')) {
    if (base::trim(line).starts_with('[') || line.find(R"(""")") != std::string::npos ||
        line.find("'''") != std::string::npos)
      break;
    for (const auto key : kChoices)
      if (const auto word = simple_value(line, key))
        out += std::string(key) + " = " + base::toml_string(*word) + "\n";
  }
  return out;
}

std::string configuration(AgentState& state) {
  const auto user = state.host().read_file(base::path_join(state.user_directory(), "config.toml"));
  std::string text = "# Made by claudebox for this box.\n" + choices_of(user.value_or(""));
  text += "check_for_update_on_startup = false\n\n[features]\n";
  // It would copy the whole program, 400 MB, into the instance, and end with the box anyway.
  text += "daemon_auto_start = false\n";
  for (const auto& project : state.projects())
    text += "\n[projects." + base::toml_string(project) + "]\ntrust_level = \"trusted\"\n";
  return text;
}

void write_configuration(AgentState& state) {
  const std::string path(kSystemConfiguration);
  if (state.host().lstat(path).exists()) {
    state.show(path, path, "this machine's configuration of codex");
    state.warn(
        path + " is used as it is, so codex starts a daemon and asks about updates unless it says otherwise",
        path, "two configurations of a system can't be joined");
    return;
  }
  state.plan().mounts.push_back({.kind = Mount::Kind::file,
                                 .target = path,
                                 .content = configuration(state),
                                 .mode = 0444,
                                 .purpose = Purpose::agent,
                                 .origin = {base::Origin::Kind::builtin, "generated",
                                            "this project is trusted; no daemon, no updates"}});
}

/// One by one: Codex keeps skills of its own beside them and must be able to write those.
void show_skills(AgentState& state) {
  const std::string skills = base::path_join(state.user_directory(), "skills");
  for (const auto& name : state.host().list_directory(skills, 256))
    if (!name.starts_with('.'))
      state.show(base::path_join(skills, name), base::path_join(state.box_directory(), "skills/" + name),
                 state.own_configuration());
  const std::string shared = base::path_join(state.plan().user_home, ".agents/skills");
  state.show(shared, shared, state.own_configuration());
}

}  // namespace

void plan_codex(AgentState& state) {
  show_skills(state);
  for (const auto file : kPolicy) state.show_policy(std::string(file), {"approval_polic", "sandbox_mode"});
  write_configuration(state);
}

}  // namespace claudebox::plan
