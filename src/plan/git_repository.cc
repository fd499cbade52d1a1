// Finding the repository around a directory, as git does, by its files alone.
#include "base/path.h"
#include "base/text.h"
#include "plan/git.h"
#include "plan/git_layout.h"

namespace claudebox::plan {
namespace {

using sys::FileKind;

/// Whether the git directory itself says that `work_tree` is its own. A `.git` file is part of a project, which may
/// come from anywhere, a box included: it must not make another project's repository writable in a box. What lies in
/// the work tree is writable there anyway.
bool confirms(const sys::HostView& host, const Repository& found) {
  if (base::is_within(found.git_dir, found.work_tree) && base::is_within(found.common_dir, found.work_tree))
    return true;
  if (found.kind == Repository::Kind::linked_worktree)
    return follow_pointer(host, found.git_dir + "/gitdir", "") == found.work_tree + "/.git";
  const auto format = read_git_format(host, found.git_dir);
  return format.work_tree &&
         host.real_path(base::path_join(found.git_dir, *format.work_tree)) == found.work_tree;
}

std::string unconfirmed(const Repository& found) {
  const std::string text = found.work_tree + "/.git names " + found.git_dir +
                           ", which does not name this work tree, so git does not work in the box";
  if (found.kind == Repository::Kind::linked_worktree)
    return text + " (if it is yours, `git worktree repair` mends it)";
  return text + " (if it is yours: git --git-dir=" + base::shell_quote(found.git_dir) +
         " config core.worktree " + base::shell_quote(found.work_tree) + ")";
}

std::optional<Repository> from_git_file(const sys::HostView& host, const std::string& work_tree,
                                        std::string& problem) {
  const std::string file = work_tree + "/.git";
  const auto git_dir = follow_pointer(host, file, "gitdir: ");
  if (!git_dir || !is_git_directory(host, *git_dir)) {
    const auto text = pointer_text(host, file, "gitdir: ");
    problem = file +
              (text ? " names " + *text + ", which is no git directory" : " says no \"gitdir: PATH\"") +
              ", so git does not work here (where the repository was moved, `git worktree repair` or `git "
              "submodule update` mends it)";
    return std::nullopt;
  }
  Repository found{.kind = Repository::Kind::separate,
                   .work_tree = work_tree,
                   .git_dir = *git_dir,
                   .common_dir = *git_dir,
                   .canonical_root = {}};
  const auto common = follow_pointer(host, *git_dir + "/commondir", "");
  if (common != *git_dir && host.lstat(*git_dir + "/commondir").exists()) {
    // Only COMMON/worktrees/ID is a linked work tree. Anything else would let a directory choose which other
    // repository becomes writable.
    if (!common || !is_git_directory(host, *common) || base::parent_of(*git_dir) != *common + "/worktrees") {
      problem =
          *git_dir + "/commondir leads elsewhere than git would write it, so git does not work in the box";
      return std::nullopt;
    }
    found.kind = Repository::Kind::linked_worktree;
    found.common_dir = *common;
  } else if (git_dir->find("/modules/") != std::string::npos) {
    found.kind = Repository::Kind::submodule;
  }
  if (!confirms(host, found)) {
    problem = unconfirmed(found);
    return std::nullopt;
  }
  found.canonical_root = canonical_root_of(host, found.common_dir);
  return found;
}

/// What is at `directory`: a repository, a problem, or nothing (both empty).
std::optional<Repository> at_directory(const sys::HostView& host, const std::string& directory,
                                       std::string& problem) {
  const std::string entry = base::path_join(directory, ".git");
  switch (host.lstat(entry).kind) {
    case FileKind::symlink:
      // Nothing can be mounted on a link, so a box could replace it.
      problem = entry +
                " is a symbolic link, so git does not work in the box (make it a file that says \"gitdir: " +
                host.real_path(entry).value_or("PATH") + "\", and set core.worktree there)";
      return std::nullopt;
    case FileKind::file:
      return from_git_file(host, directory, problem);
    case FileKind::directory:
      if (is_git_directory(host, entry))
        return Repository{.kind = Repository::Kind::main_worktree,
                          .work_tree = directory,
                          .git_dir = entry,
                          .common_dir = entry,
                          .canonical_root = canonical_root_of(host, entry)};
      break;
    default:
      break;
  }
  if (base::base_name(directory) != ".git" && is_git_directory(host, directory))
    return Repository{.kind = Repository::Kind::bare,
                      .work_tree = {},
                      .git_dir = directory,
                      .common_dir = directory,
                      .canonical_root = directory};
  return std::nullopt;
}

}  // namespace

std::optional<Repository> find_repository(const sys::HostView& host, const std::string& directory,
                                          std::string& problem) {
  const auto start = host.stat(directory).device;
  for (std::string at = directory;; at = base::parent_of(at)) {
    // As git: not across a file system's border (GIT_DISCOVERY_ACROSS_FILESYSTEM is off by default).
    if (host.stat(at).device != start) return std::nullopt;
    auto found = at_directory(host, at, problem);
    if (found || !problem.empty() || at == "/") return found;
  }
}

}  // namespace claudebox::plan
