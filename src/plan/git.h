// The project's git repositories: where they are, what a box may write in them, and what it may not.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "sys/host_view.h"

namespace claudebox::plan {

/// The repository around a directory, read from its files; git is never run.
struct Repository {
  enum class Kind {
    main_worktree,    ///< .git is a directory
    linked_worktree,  ///< made by `git worktree add`
    submodule,        ///< .git is a file that points into the superproject's .git/modules
    separate,         ///< .git is a file that points elsewhere (--separate-git-dir)
    bare,             ///< no work tree: the directory is the git directory itself
  };
  Kind kind = Kind::main_worktree;
  std::string work_tree{};   ///< canonical; empty for a bare one
  std::string git_dir{};     ///< canonical; of this work tree
  std::string common_dir{};  ///< canonical; equal to git_dir but for a linked work tree
  /// INST-1: the main work tree, else (bare) the common git directory, else the work tree.
  std::string canonical_root{};
  bool operator==(const Repository&) const = default;
};

/// Looks upward from `directory` (canonical) as git does. Empty where there is none or its files are
/// malformed (then `problem` says what is wrong with which file).
std::optional<Repository> find_repository(const sys::HostView& host, const std::string& directory,
                                          std::string& problem);

/// Adds to `plan` what BOX-9 and BOX-10 ask for on the project in `plan.project`: the git directories outside
/// the project as writable binds, pins, read-only covers, stubs, watches, sweeps and notes.
void plan_repository(const sys::HostView& host, const std::optional<Repository>& repository, Plan& plan);

/// Adds covers and sweeps for what agents, editors and shells run from a project, git or not
/// (.claude/settings*.json, .mcp.json, .vscode, .idea, .envrc, .husky, .claudebox.toml).
void plan_project_protection(const sys::HostView& host, Plan& plan);

/// The user's name and e-mail from the host's git configuration (read, includes followed, git not run), with
/// safe.directory and what keeps git from needing to write its protected configuration: the text of the box's
/// /etc/gitconfig.
std::string box_gitconfig(const sys::HostView& host, const Plan& plan);

}  // namespace claudebox::plan
