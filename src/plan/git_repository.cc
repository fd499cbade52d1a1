// Finding a repository by its files, as git does (gitrepository-layout(5)), without running git: the repository may
// have been prepared to run commands in whoever looks at it.
#include "base/path.h"
#include "base/text.h"
#include "plan/git.h"
#include "plan/git_config.h"

namespace claudebox::plan {
namespace {

constexpr std::size_t kLargestPointer = 16384;

/// What git takes for a git directory: HEAD, objects and refs (the latter two may lie in the common directory).
bool is_git_directory(const sys::HostView& host, const std::string& path) {
  const auto head = host.lstat(path + "/HEAD").kind;
  if (head != sys::FileKind::file && head != sys::FileKind::symlink) return false;
  if (host.lstat(path + "/commondir").kind == sys::FileKind::file) return true;
  return host.stat(path + "/objects").kind == sys::FileKind::directory &&
         host.stat(path + "/refs").kind == sys::FileKind::directory;
}

/// The directory that a pointer file names, relative to where the file lies. Canonical.
std::optional<std::string> follow_pointer(const sys::HostView& host, const std::string& file,
                                          std::string_view prefix) {
  const auto text = host.read_file(file, kLargestPointer);
  if (!text || !text->starts_with(prefix)) return std::nullopt;
  std::string target = text->substr(prefix.size());
  while (!target.empty() && (target.back() == '\n' || target.back() == '\r')) target.pop_back();
  if (target.empty()) return std::nullopt;
  const auto real = host.real_path(base::path_join(base::parent_of(file), target));
  if (!real || host.stat(*real).kind != sys::FileKind::directory) return std::nullopt;
  return real;
}

/// The main work tree of a common git directory: its parent where it is called .git, else core.worktree; none for a
/// bare repository.
std::string main_work_tree(const sys::HostView& host, const std::string& common_dir) {
  const auto entries = parse_git_config(host.read_file(common_dir + "/config").value_or(""));
  if (const auto tree = git_config_value(entries, "core", "worktree"))
    return host.real_path(base::path_join(common_dir, *tree)).value_or("");
  if (git_config_true(git_config_value(entries, "core", "bare").value_or("false"))) return {};
  return base::base_name(common_dir) == ".git" ? base::parent_of(common_dir) : std::string();
}

/// Whether the git directory itself says that `work_tree` is its own. A `.git` file is part of a project, which may come
/// from anywhere: it must not be able to make another project's repository writable in the box.
bool confirms(const sys::HostView& host, const Repository& found) {
  if (found.kind == Repository::Kind::linked_worktree) {
    auto back = host.read_file(found.git_dir + "/gitdir", kLargestPointer).value_or("");
    while (back.ends_with('\n')) back.pop_back();
    return host.real_path(base::path_join(found.git_dir, back)) == found.work_tree + "/.git";
  }
  const auto entries = parse_git_config(host.read_file(found.git_dir + "/config").value_or(""));
  const auto tree = git_config_value(entries, "core", "worktree");
  return tree && host.real_path(base::path_join(found.git_dir, *tree)) == found.work_tree;
}

std::optional<Repository> from_git_file(const sys::HostView& host, const std::string& work_tree,
                                        std::string& problem) {
  const std::string file = work_tree + "/.git";
  const auto git_dir = follow_pointer(host, file, "gitdir: ");
  if (!git_dir || !is_git_directory(host, *git_dir)) {
    problem = file +
              " does not lead to a git directory, so git does not work here (a moved repository? `git "
              "worktree repair` mends it)";
    return std::nullopt;
  }
  Repository found{.kind = Repository::Kind::separate,
                   .work_tree = work_tree,
                   .git_dir = *git_dir,
                   .common_dir = *git_dir,
                   .canonical_root = work_tree};
  const bool inert =
      host.read_file(*git_dir + "/commondir", kLargestPointer) == "../" + base::base_name(*git_dir) + "\n";
  if (!inert && host.lstat(*git_dir + "/commondir").exists()) {
    const auto common = follow_pointer(host, *git_dir + "/commondir", "");
    if (!common || !is_git_directory(host, *common)) {
      problem = *git_dir + "/commondir does not lead to a git directory, so git does not work here";
      return std::nullopt;
    }
    // Only what git itself makes is a linked work tree: COMMON/worktrees/ID. Anything else would let a directory
    // choose which other repository becomes writable.
    if (base::parent_of(*git_dir) != *common + "/worktrees") {
      problem = *git_dir + "/commondir leads elsewhere than git would write it, so git does not work here";
      return std::nullopt;
    }
    found.kind = Repository::Kind::linked_worktree;
    found.common_dir = *common;
    const std::string main = main_work_tree(host, *common);
    found.canonical_root = main.empty() ? *common : main;
  } else if (git_dir->find("/modules/") != std::string::npos) {
    found.kind = Repository::Kind::submodule;
  }
  if (!confirms(host, found)) {
    problem = file + " names " + *git_dir + ", which does not name this work tree, so git does not work here";
    if (found.kind == Repository::Kind::separate)
      problem += " (if it is yours: git --git-dir=" + base::shell_quote(*git_dir) + " config core.worktree " +
                 base::shell_quote(work_tree) + ")";
    return std::nullopt;
  }
  return found;
}

std::optional<Repository> at_directory(const sys::HostView& host, const std::string& directory,
                                       std::string& problem, bool& here) {
  const std::string entry = base::path_join(directory, ".git");
  const auto kind = host.lstat(entry).kind;
  here = true;
  if (kind == sys::FileKind::symlink) {
    problem = entry +
              " is a symbolic link: a box could be led to another repository by it, so git does not work "
              "here (replace it by a file: git init --separate-git-dir)";
    return std::nullopt;
  }
  if (kind == sys::FileKind::directory && is_git_directory(host, entry))
    return Repository{.kind = Repository::Kind::main_worktree,
                      .work_tree = directory,
                      .git_dir = entry,
                      .common_dir = entry,
                      .canonical_root = directory};
  if (kind == sys::FileKind::file) return from_git_file(host, directory, problem);
  if (is_git_directory(host, directory) && base::base_name(directory) != ".git")
    return Repository{.kind = Repository::Kind::bare,
                      .work_tree = {},
                      .git_dir = directory,
                      .common_dir = directory,
                      .canonical_root = directory};
  here = false;
  return std::nullopt;
}

}  // namespace

std::optional<Repository> find_repository(const sys::HostView& host, const std::string& directory,
                                          std::string& problem) {
  const auto start = host.stat(directory);
  for (std::string at = directory;; at = base::parent_of(at)) {
    // As git: not across a file system's border (GIT_DISCOVERY_ACROSS_FILESYSTEM unset).
    if (host.stat(at).device != start.device) return std::nullopt;
    bool here = false;
    auto found = at_directory(host, at, problem, here);
    if (here) return found;
    if (at == "/") return std::nullopt;
  }
}

}  // namespace claudebox::plan
