// The coding agents that claudebox knows, as data: their program, their state and how they are told where
// they are.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "plan/plan.h"
#include "sys/host_view.h"

namespace claudebox::plan {

/// How an agent logs in, as data.
struct AgentLogin {
  std::vector<std::string_view> variables;  ///< variables that carry a login: "ANTHROPIC_API_KEY"
  /// The file that holds it: below home, or, with a directory variable, in the directory that this names.
  std::string_view file;
  /// Names a directory for the login alone, apart from the rest of the state. Without one a login can neither be kept
  /// fresh from outside nor be shared by boxes: each instance has its own, in its state directory.
  std::string_view directory_variable{};
  std::string_view directory_since{};  ///< the first version that knows that variable
  /// Arguments of the command that renews an old login, with the agent's own locks, and waits for whoever does so already.
  std::vector<std::string_view> renewal{};
  std::vector<std::string_view> renewal_switches{};  ///< variables that are 1 for that command
  /// Variables of a session that claudebox may have been started from, which that command is no part of; "NAME*" is a
  /// prefix.
  std::vector<std::string_view> session{};
  std::string_view lock{};  ///< what a client makes beside the file while it renews it
};

class AgentState;

/// A variable that is set in every box.
struct AgentVariable {
  std::string_view name;
  std::string_view value;
  std::string_view reason;
};

/// One agent: what claudebox knows of it. Claude Code is the first row of plan/agent_table.cc.
struct Agent {
  std::string_view name;     ///< "claude"
  std::string_view command;  ///< looked up on the caller's PATH
  /// Where installers put the program without a PATH entry of their own (~/.claude/local is reached by a shell alias).
  /// Below home.
  std::vector<std::string_view> usual_places{};
  std::vector<std::string_view> unattended_flags{};  ///< what switches its permission prompts off
  /// The commands of the agent that take those flags behind their name, where it refuses flags in front of a command.
  /// Its other commands then get none. Empty: the flags go in front of everything.
  std::vector<std::string_view> flags_behind{};
  std::string_view state_directory{};  ///< below home, writable, in the instance: ".claude"
  std::string_view state_variable{};   ///< names that directory, where the user has it elsewhere
  std::string_view state_below{};      ///< or a directory around it, in which it is called this
  std::string_view state_holds{};      ///< what is said of that variable in the box
  /// Text for the agent below the user's own state directory, shown read-only.
  std::vector<std::string_view> shown{};
  std::string_view shown_words{};  ///< the same for people: "skills, agents, commands and memory"
  /// Where it reads instructions, read-only in the box: /etc/claude-code/CLAUDE.md, or a name in the state directory.
  /// What the host has there comes first.
  std::string_view memory_file{};
  std::string_view memory_instead{};       ///< below home: what it reads where the host has none
  std::string_view project_directory{};    ///< where a project has things for it: ".claude/"
  std::string_view resume{};               ///< its arguments to go on with the last conversation
  std::vector<AgentVariable> variables{};  ///< set in the box
  /// Taken from the host: choices about the agent that people make in their shell's start-up files. None of them is a
  /// credential.
  std::vector<std::string_view> choices{};
  /// Where its model answers, by what the user is logged in with. It needs one of them.
  std::vector<std::string_view> hosts{};
  std::string_view install_hint{};
  AgentLogin login{};
  void (*own_part)(AgentState&) = nullptr;  ///< what no row can say, in a file of its own
};

/// All that there are; the default is the first.
const std::vector<Agent>& agents();
const Agent& default_agent();
/// By its name; null where there is none.
const Agent* agent_named(std::string_view name);
/// The one that the plan is for.
const Agent& agent_of(const Plan& plan);

/// Finds the agent's program on the caller's PATH, symlinks resolved. Returns its canonical path.
std::optional<std::string> find_agent(const sys::HostView& host, const Agent& agent);

/// The version of the agent whose program that is: from the native installer's path (.../versions/2.1.3), else from the
/// npm package around it; "0" where neither tells.
std::string agent_version(const sys::HostView& host, const std::string& program);

/// The mounts that the program needs to run in the box at its own path: the file, and where it belongs to an
/// npm package, that package's directory (and for a native one nothing more).
std::vector<Mount> agent_program_mounts(const sys::HostView& host, const Agent& agent,
                                        const std::string& program);

/// Adds to `plan` the agent's view of the user's own configuration (read-only), its settings and onboarding
/// state (as StateFiles in the instance), its memory file (a generated Mount) and its variables. Call when
/// the rest of the plan is known, since the memory text describes it.
void plan_agent_state(const sys::HostView& host, const Agent& agent, Plan& plan);

/// What the agent is logged in with: the mode, its mount and its variables. Needs the environment.
void plan_login(const Request& request, const sys::HostView& host, const Agent& agent, Plan& plan,
                base::Diagnostics& problems);

/// What it runs as: `program`, the flags that switch its prompts off, and `arguments`.
std::vector<std::string> agent_command(const Agent& agent, const std::string& program,
                                       const std::vector<std::string>& arguments);

/// The text that tells the agent where it is: what it can reach, what is missing on purpose, what to do
/// instead.
std::string memory_text(const Plan& plan);

/// The user's settings.json without what carries secrets or runs a credential helper; empty where it is not
/// JSON.
std::optional<std::string> filtered_settings(std::string_view json);

}  // namespace claudebox::plan
