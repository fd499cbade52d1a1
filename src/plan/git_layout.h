// What the files of a git directory say (gitrepository-layout(5)), read without running git: a repository may have
// been prepared to run commands in whoever looks at it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sys/host_view.h"

namespace claudebox::plan {

/// A pointer file (`.git`, commondir, gitdir) is never longer: two longest paths.
inline constexpr std::size_t kLargestPointer = 8192;

/// Whether git would take `path` for a git directory: HEAD, objects and refs, or a commondir in place of the latter.
bool is_git_directory(const sys::HostView& host, const std::string& path);

/// The text of a pointer file after `prefix`, without line ends; empty where it is none.
std::optional<std::string> pointer_text(const sys::HostView& host, const std::string& file,
                                        std::string_view prefix);

/// The canonical path of what a pointer file names, relative to where the file lies.
std::optional<std::string> follow_pointer(const sys::HostView& host, const std::string& file,
                                          std::string_view prefix);

/// What an inert `commondir` in `git_dir` says: the directory itself, in a way that git, libgit2 and dulwich all read
/// (libgit2 does not find a repository through a plain ".").
std::string inert_commondir(const std::string& git_dir);

/// The settings that decide what kind of repository it is. Git reads them without following includes.
struct GitFormat {
  std::optional<std::string> work_tree{};  ///< core.worktree as written, from config or config.worktree
  bool bare = false;
  bool worktree_config = false;         ///< extensions.worktreeConfig
  bool ignored_with_commondir = false;  ///< a commondir would make git pass over core.worktree or core.bare
  bool operator==(const GitFormat&) const = default;
};

GitFormat read_git_format(const sys::HostView& host, const std::string& git_dir);

/// INST-1: what all work trees of a repository have in common: its main work tree, else its common git directory.
std::string canonical_root_of(const sys::HostView& host, const std::string& common_dir);

}  // namespace claudebox::plan
