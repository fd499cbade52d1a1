#include "plan/git_directory_protect.h"

#include <algorithm>
#include <array>

#include "base/path.h"
#include "base/secret.h"
#include "plan/git_layout.h"
#include "plan/git_named.h"
#include "plan/lifted.h"

namespace claudebox::plan {
namespace {

/// Bounds on what is protected piece by piece: each repository costs some ten mounts, and may have been prepared to
/// make planning slow. What lies beyond becomes read-only as a whole.
constexpr std::size_t kMaxRepositories = 32;
constexpr std::size_t kMaxNames = 64;

using sys::FileKind;

/// A name of a git directory that makes the host's git run or read something of the box's choice.
struct Name {
  std::string_view key;  ///< what lifts it
  std::string_view name;
  Stub::Kind kind;
  std::string_view reason;
};
/// An empty one of each is inert, so where one is missing it is made for the life of the box. `remotes` and
/// `branches` are older places for a remote's URL: `git push` runs the hooks of a repository that one names.
constexpr std::array kNames = {
    Name{"git-config", "config", Stub::Kind::file, "git runs commands that its configuration names"},
    Name{"git-config", "config.worktree", Stub::Kind::file, "git may take its configuration from it"},
    Name{"git-hooks", "hooks", Stub::Kind::directory, "the host's git runs what is in it"},
    Name{"git-remotes", "remotes", Stub::Kind::directory,
         "git takes URLs from it and runs hooks where they lead"},
    Name{"git-remotes", "branches", Stub::Kind::directory,
         "git takes URLs from it and runs hooks where they lead"},
};
constexpr std::string_view kRedirects = "git would take its configuration from where it says";

bool fits(FileKind found, Stub::Kind wanted) {
  return found == FileKind::missing ||
         found == (wanted == Stub::Kind::file ? FileKind::file : FileKind::directory);
}

/// Why a git directory can't be protected name by name; empty where it can.
std::string shape_problem(const sys::HostView& host, const std::string& git_dir) {
  for (const auto& name : kNames) {
    const std::string path = git_dir + "/" + std::string(name.name);
    const auto kind = host.lstat(path).kind;
    if (!fits(kind, name.kind))
      return path + (kind == FileKind::symlink ? " is a symbolic link; put what it leads to in its place"
                                               : " is not what git makes there; look at it");
    if (kind == FileKind::file && !host.read_file(path)) return path + " can't be read, or is too large";
  }
  return {};
}

}  // namespace

void GitDirectoryProtection::read_only(const std::string& git_dir, Note::Level level,
                                       const std::string& why) {
  protection_.pin_way_to(base::parent_of(git_dir));
  protection_.hold(git_dir, "it can't be protected in part");
  protection_.note(level, git_dir + " is read-only in the box: " + why);
}

void GitDirectoryProtection::repository(const std::string& git_dir, const std::string& work_tree) {
  if (protection_.is_covered(git_dir) || !seen_.insert(git_dir).second) return;
  configuration(git_dir, work_tree);
  if (seen_.size() > kMaxRepositories) {
    read_only(git_dir, Note::Level::warning,
              "there are more than " + std::to_string(kMaxRepositories) + " repositories");
  } else if (!host_.writable(git_dir)) {
    read_only(git_dir, Note::Level::info, "you may not write it");
  } else if (const std::string problem = shape_problem(host_, git_dir); !problem.empty()) {
    read_only(git_dir, Note::Level::warning, problem);
  } else if (host_.lstat(git_dir + "/commondir").exists() &&
             follow_pointer(host_, git_dir + "/commondir", "") != git_dir) {
    read_only(
        git_dir, Note::Level::danger,
        git_dir +
            "/commondir leads git to another directory, which no git command does; find out who made it "
            "before you use git here");
  } else {
    protection_.pin_way_to(git_dir);
    names(git_dir);
    commondir(git_dir);
    interrupted_rebase(git_dir);
    modules(git_dir + "/modules");
    linked_work_trees(git_dir);
    return;
  }
  what_leads_out(git_dir);
}

/// A git directory that is read-only as a whole may still lead to what is not: by links, and by its work trees.
void GitDirectoryProtection::what_leads_out(const std::string& git_dir) {
  for (const auto& name : kNames) {
    const std::string path = git_dir + "/" + std::string(name.name);
    if (const auto real = host_.real_path(path); real && *real != path)
      protection_.cover_named(*real, std::string(name.reason));
  }
  protect_linked_hooks(host_, git_dir + "/hooks", protection_);
  for (const auto& id : host_.list_directory(git_dir + "/worktrees", kMaxNames))
    git_file_named_by(git_dir + "/worktrees/" + id + "/gitdir");
}

void GitDirectoryProtection::git_file_named_by(const std::string& gitdir) {
  const auto file = follow_pointer(host_, gitdir, "");
  if (!file || base::base_name(*file) != ".git" || host_.lstat(*file).kind != FileKind::file ||
      protection_.area_of(*file).empty())
    return;
  protection_.pin_way_to(base::parent_of(*file));
  protection_.cover(*file, "it says where the repository is");
}

void GitDirectoryProtection::names(const std::string& git_dir) {
  for (const auto& name : kNames) {
    const std::string path = git_dir + "/" + std::string(name.name);
    if (is_lifted(plan_, name.key)) {
      protection_.sweep(path, std::string(name.reason));
    } else {
      protection_.hold_stub(path, name.kind, "", std::string(name.reason));
    }
  }
  if (!is_lifted(plan_, "git-hooks")) protect_linked_hooks(host_, git_dir + "/hooks", protection_);
}

void GitDirectoryProtection::commondir(const std::string& git_dir) {
  const std::string path = git_dir + "/commondir";
  if (host_.lstat(path).kind == FileKind::missing && read_git_format(host_, git_dir).ignored_with_commondir) {
    // Git passes over core.worktree and core.bare of a configuration that it reaches by a commondir.
    protection_.forbid(path, std::string(kRedirects));
  } else {
    protection_.hold_stub(path, Stub::Kind::file, inert_commondir(git_dir), std::string(kRedirects));
  }
}

void GitDirectoryProtection::configuration(const std::string& git_dir, const std::string& work_tree) {
  const std::vector<std::string> own = {git_dir + "/config", git_dir + "/config.worktree"};
  // Every condition holds here: what might be read is protected.
  auto config = read_git_config(host_, own, home_, [](const auto&, const auto&) { return true; });
  std::erase_if(config.files, [&](const GitConfigFiles::File& file) {
    return std::find(own.begin(), own.end(), file.path) != own.end();
  });
  if (!config.complete)
    protection_.note(Note::Level::warning,
                     "not everything that " + git_dir +
                         "/config includes could be read, so some of it may not be protected");
  protect_named(host_, config, work_tree.empty() ? git_dir : work_tree, home_,
                {.hooks = !is_lifted(plan_, "git-hooks"), .config = !is_lifted(plan_, "git-config")},
                protection_);
  bool secret = false;
  bool signs = false;
  for (const auto& entry : config.entries) {
    const auto scheme = entry.value.find("://");
    const auto at = entry.value.find('@', scheme);
    const bool password = scheme != std::string::npos && at != std::string::npos &&
                          entry.value.substr(scheme + 3, at - scheme - 3).find(':') != std::string::npos &&
                          entry.value.find('/', scheme + 3) > at;
    secret = secret || password || (entry.section == "http" && entry.key == "extraheader") ||
             !base::secret_shape(entry.value).empty();
    if (entry.section == "commit" && entry.key == "gpgsign") signs = git_config_true(entry.value);
  }
  if (secret)
    protection_.note(Note::Level::warning,
                     git_dir + "/config holds a password or token, and the box can read it");
  if (signs)
    protection_.note(Note::Level::info,
                     git_dir +
                         "/config has commits signed, and the box has no keys: there `git -c "
                         "commit.gpgSign=false commit` works");
}

void GitDirectoryProtection::interrupted_rebase(const std::string& git_dir) {
  protection_.sweep(git_dir + "/rebase-merge/git-rebase-todo",
                    "a rebase is not finished: `git rebase --continue` runs the \"exec\" lines in it");
}

void GitDirectoryProtection::linked_work_trees(const std::string& common_dir) {
  const std::string all = common_dir + "/worktrees";
  const auto kind = host_.lstat(all).kind;
  if (kind == FileKind::missing) return;
  const auto ids = host_.list_directory(all, kMaxNames + 1);
  if (kind != FileKind::directory || ids.size() > kMaxNames) {
    for (const auto& id : ids) git_file_named_by(all + "/" + id + "/gitdir");
    return read_only(all, Note::Level::warning, "there are too many work trees, or it is no directory");
  }
  protection_.pin(all);
  for (const auto& id : ids)
    if (host_.lstat(all + "/" + id).kind == FileKind::directory) linked_work_tree(common_dir, all + "/" + id);
}

void GitDirectoryProtection::linked_work_tree(const std::string& common_dir, const std::string& git_dir) {
  if (follow_pointer(host_, git_dir + "/commondir", "") != common_dir ||
      host_.lstat(git_dir + "/commondir").kind != FileKind::file ||
      !fits(host_.lstat(git_dir + "/config.worktree").kind, Stub::Kind::file)) {
    git_file_named_by(git_dir + "/gitdir");
    return read_only(
        git_dir, Note::Level::danger,
        "its commondir or config.worktree is not what `git worktree add` makes; find out who made it");
  }
  protection_.pin(git_dir);
  // Not watched: the host's `git worktree remove` may take another work tree away while the box lives, and no git
  // command replaces these.
  protection_.cover(git_dir + "/commondir", std::string(kRedirects));
  if (host_.lstat(git_dir + "/gitdir").kind == FileKind::file)
    protection_.cover(git_dir + "/gitdir", "`git worktree remove` deletes what it names");
  if (!is_lifted(plan_, "git-config"))
    protection_.hold_stub(git_dir + "/config.worktree", Stub::Kind::file, "",
                          "git may take its configuration from it");
  interrupted_rebase(git_dir);
  modules(git_dir + "/modules");
  git_file_named_by(git_dir + "/gitdir");
}

void GitDirectoryProtection::git_file(const std::string& file) {
  if (protection_.area_of(file).empty()) return;
  protection_.pin_way_to(base::parent_of(file));
  protection_.hold(file, "it says where the repository is");
}

void GitDirectoryProtection::work_tree(const std::string& work_tree) {
  const std::string entry = work_tree + "/.git";
  const auto kind = host_.lstat(entry).kind;
  if (kind == FileKind::directory && is_git_directory(host_, entry)) {
    repository(entry, work_tree);
  } else if (kind == FileKind::directory) {
    read_only(entry, Note::Level::info, "it is no git directory, and a box could make it one");
  }
  if (kind == FileKind::file) git_file(entry);
  if (kind != FileKind::file && kind != FileKind::symlink) return;
  const auto real =
      kind == FileKind::file ? follow_pointer(host_, entry, "gitdir: ") : host_.real_path(entry);
  if (real && !protection_.area_of(*real).empty() && is_git_directory(host_, *real) &&
      base::base_name(base::parent_of(*real)) != "worktrees")
    repository(*real, work_tree);
}

/// The git directories of submodules, whose names may have slashes in them.
void GitDirectoryProtection::modules(const std::string& root) {
  const auto kind = host_.lstat(root).kind;
  if (kind == FileKind::missing) return;
  if (kind != FileKind::directory) return read_only(root, Note::Level::warning, "it is no directory");
  std::vector<std::string> directories = {root};
  std::vector<std::string> found;
  bool too_many = false;
  for (std::size_t i = 0; i < directories.size() && !too_many; ++i) {
    const std::string at = directories[i];
    if (at != root && is_git_directory(host_, at)) {
      found.push_back(at);
      too_many = seen_.size() + found.size() > kMaxRepositories;
      continue;
    }
    const auto names = host_.list_directory(at, kMaxNames + 1);
    too_many = names.size() > kMaxNames || directories.size() + names.size() > 2 * kMaxNames;
    for (const auto& name : names)
      if (!too_many && host_.lstat(at + "/" + name).kind == FileKind::directory)
        directories.push_back(at + "/" + name);
  }
  if (too_many)
    return read_only(root, Note::Level::warning, "there are too many submodules to protect one by one");
  for (const auto& directory : directories) protection_.pin(directory);
  for (const auto& git_dir : found) module(git_dir);
}

void GitDirectoryProtection::module(const std::string& git_dir) {
  std::string tree;
  if (const auto named = read_git_format(host_, git_dir).work_tree)
    tree = host_.real_path(base::path_join(git_dir, *named)).value_or("");
  if (!tree.empty() && host_.lstat(tree + "/.git").kind == FileKind::file) git_file(tree + "/.git");
  repository(git_dir, tree);
}

}  // namespace claudebox::plan
