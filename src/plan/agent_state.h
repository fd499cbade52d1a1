// What every agent has in a box besides its program, and what the parts that belong to one agent are made with.
// Internal to the files plan/agent_*.cc.
#pragma once

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plan/agent.h"

namespace claudebox::plan {

/// One pass over the plan for one agent: run() does what is common and calls the row's own part.
class AgentState {
 public:
  AgentState(const sys::HostView& host, const Agent& agent, Plan& plan);
  AgentState(const AgentState&) = delete;
  AgentState& operator=(const AgentState&) = delete;

  void run();

  // What the own parts are made with.

  const sys::HostView& host() const { return host_; }
  Plan& plan() { return plan_; }
  /// Whether the user has the directory elsewhere than usual.
  bool moved() const { return moved_; }
  const std::string& user_directory() const { return user_directory_; }  ///< the user's own, on the host
  const std::string& box_directory() const { return box_directory_; }    ///< in the box
  const std::string& kept_directory() const {
    return kept_directory_;
  }  ///< the same in the instance, on the host

  /// Something of the instance that is made or brought up to date before the start.
  void keep(StateFile::Policy policy, std::string path, std::string content, std::string reason);
  /// A part of the user's configuration, read-only: a file or directory that is readable and may be shown.
  void show(const std::string& source, const std::string& target, const std::string& reason);
  /// A directory below the user's, and what the links in it lead to (~/.claude/skills/x -> ~/dotfiles/skills/x), which
  /// the box would miss otherwise: shown where the link says, so that the link in the box leads there.
  void show_tree(const std::string& name, const std::string& reason);
  /// The user's JSON file of that name, without secrets, over the instance's; nothing where there is none.
  void keep_settings(const std::string& name);
  /// "your own configuration of NAME"
  std::string own_configuration() const;

  /// A file of the organisation's, read-only; where one of `words` stands in it, the agent may refuse to run unattended.
  void show_policy(const std::string& file, std::initializer_list<std::string_view> words = {});
  void warn(std::string text, std::string source, std::string reason);
  /// A variable of the box; what the user granted by --env stays.
  void generate(std::string name, std::string value, std::string reason);
  std::string value_of(std::string_view name) const;
  /// The names under which the agent may know this project.
  std::vector<std::string> projects() const;
  /// From the native installer's path (.../versions/2.1.3), else from the npm package around the program.
  std::string version() const;

 private:
  void show_configuration();
  void set_variables();
  void make_findable();
  void write_memory();
  void warn_of_configuration_in_the_project(const std::string& source, const std::string& real);
  bool may_be_shown(const std::string& real) const;
  void put(EnvVar variable);

  const sys::HostView& host_;
  const Agent& agent_;
  Plan& plan_;
  const bool moved_;
  const std::string user_directory_;
  const std::string box_directory_;
  const std::string kept_directory_;
  std::set<std::string> shown_;
};

// The own parts, one file each.

void plan_claude(AgentState& state);
void plan_codex(AgentState& state);
void plan_gemini(AgentState& state);
void plan_opencode(AgentState& state);

}  // namespace claudebox::plan
