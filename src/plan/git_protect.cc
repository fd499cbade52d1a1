// What a box may not write of the repositories that it works in (BOX-10).
//
// Theory of operation. The git directory stays writable, so that commits work, but what makes the host's git run
// commands of the box's choice is kept as it is:
//  - config, config.worktree, hooks, remotes and branches, and what the configuration names inside the project
//    (core.hooksPath, included files, programs), are covered with a read-only bind of themselves.
//  - commondir in a git directory makes git take its configuration from elsewhere. There is none, so there is nothing to
//    cover; an inert one is made for the life of the box (a Stub). It says "../NAME", and git uses exactly what it used
//    before. Where core.worktree or a true core.bare is set git would pass over them, so there it is watched: moved
//    away when it appears, and the box ended. What the watch leaves open is the time from the event to the rename,
//    some ten microseconds when idle, milliseconds on a busy machine. The other names that may be missing get empty
//    stubs, which are inert everywhere.
//  - every directory from the project down to something covered is pinned, so that `mv .git x; cp -r x .git` fails.
//  - a `.git` *file* is covered, and so are commondir and gitdir of every linked work tree.
//  - the repositories of submodules (.git/modules and .gitmodules, both read with a bound, no walk), of work trees in
//    the project, and those in the project's first-level directories are protected in the same way.
//  - a git directory in which one of these names is a symbolic link or something else that can't be covered becomes
//    read-only as a whole: nothing in it can be turned against the host then, and the note says how to mend it.
//
// What this can't keep away is a repository that the box makes anew in some directory of the project: nothing there can
// be covered, and commands in it run when git is used in it. When the box also puts it into the index (`git add DIR`
// makes it a submodule), `git status`, `git diff` and `git add -A` of the *project* run git in it: measured with git
// 2.39.5, core.fsmonitor of such a directory runs. On the host `diff.ignoreSubmodules = dirty` stops that for status and
// diff, not for add. Such repositories are looked for when the box ends, and reported.
#include "base/path.h"
#include "base/text.h"
#include "plan/git.h"
#include "plan/git_config_files.h"
#include "plan/git_directory_protect.h"
#include "plan/git_layout.h"
#include "plan/git_named.h"
#include "plan/lifted.h"

namespace claudebox::plan {
namespace {

constexpr std::size_t kMaxSubmodules = 64;
constexpr std::size_t kMaxTopLevel = 256;

using sys::FileKind;

/// The git directory of a work tree that has it elsewhere is mounted beside the project, so that git works (INST-2).
void add_outside(const sys::HostView& host, const Repository& repository, Plan& plan) {
  const std::string& directory = repository.common_dir;
  if (base::is_within(directory, plan.project.root)) return;
  const bool writable = !plan.project.read_only && host.writable(directory);
  plan.mounts.push_back({.kind = writable ? Mount::Kind::writable : Mount::Kind::read_only,
                         .target = directory,
                         .source = directory,
                         .purpose = Purpose::project,
                         .origin = {base::Origin::Kind::detected, repository.work_tree + "/.git",
                                    "the git directory of this work tree"}});
  const std::string what =
      repository.kind == Repository::Kind::linked_worktree
          ? "this is a linked work tree: the repository's git directory, which all its work trees "
            "share, is "
      : repository.kind == Repository::Kind::submodule
          ? "this is a submodule: its git directory in the repository around it is "
          : "the git directory of this work tree lies elsewhere and is ";
  plan.notes.push_back({Note::Level::info,
                        what + std::string(writable ? "writable, too: " : "readable: ") + directory,
                        plan.mounts.back().origin});
}

/// Objects borrowed from elsewhere. Not mounted by themselves: a box may write this file, so it would choose what the
/// next one sees.
void note_alternates(const sys::HostView& host, const Repository& repository, Plan& plan) {
  const std::string file = repository.common_dir + "/objects/info/alternates";
  const auto text = pointer_text(host, file, "");
  if (!text) return;
  std::string outside;
  for (const auto& line : base::split(*text, '\n')) {
    const auto path = host.real_path(base::path_join(repository.common_dir + "/objects", line));
    if (!line.empty() && !line.starts_with('#') && path && !base::is_within(*path, plan.project.root) &&
        !base::is_within(*path, repository.common_dir))
      outside += " --mount " + base::shell_quote(*path);
  }
  if (outside.empty()) return;
  plan.notes.push_back({Note::Level::warning,
                        "the repository borrows objects that are not in the box (" + file +
                            "), so git does not work there unless you grant them:" + outside,
                        {base::Origin::Kind::detected, file, "not followed by itself"}});
}

/// Submodules whose git directory lies in their work tree, as `git submodule add ./DIR` leaves it.
void protect_listed_submodules(const sys::HostView& host, const Plan& plan, GitDirectoryProtection& git) {
  std::size_t count = 0;
  for (const auto& entry :
       parse_git_config(host.read_file(plan.project.root + "/.gitmodules").value_or(""))) {
    if (entry.section != "submodule" || entry.key != "path" || ++count > kMaxSubmodules) continue;
    const std::string tree = base::normalize(base::path_join(plan.project.root, entry.value));
    if (tree != plan.project.root && base::is_within(tree, plan.project.root) && host.real_path(tree) == tree)
      git.work_tree(tree);
  }
}

/// A directory of clones is a usual project, too.
void protect_first_level(const sys::HostView& host, const Plan& plan, GitDirectoryProtection& git) {
  for (const auto& name : host.list_directory(plan.project.root, kMaxTopLevel)) {
    const std::string tree = base::path_join(plan.project.root, name);
    if (name != ".git" && host.lstat(tree + "/.git").exists() && host.lstat(tree).kind == FileKind::directory)
      git.work_tree(tree);
  }
}

/// A project that git does not take for a repository, at least not in the box.
void protect_no_repository(const sys::HostView& host, const Plan& plan, GitDirectoryProtection& git,
                           Protection& protection) {
  const std::string entry = plan.project.root + "/.git";
  git.work_tree(plan.project.root);
  protection.sweep(entry, "git in the project takes its configuration and hooks from there");
  if (host.lstat(entry).kind == FileKind::symlink)
    protection.watch_kept(entry, "it leads git to the repository");
  protection.sweep(plan.project.root + "/HEAD",
                   "with objects and refs beside it, git takes the project for a bare repository");
}

}  // namespace

void plan_repository(const sys::HostView& host, const std::optional<Repository>& repository, Plan& plan) {
  if (repository) {
    add_outside(host, *repository, plan);
    note_alternates(host, *repository, plan);
  }
  if (plan.project.read_only) return;
  Protection protection(host, plan, "git protection");
  GitDirectoryProtection git(host, plan, protection);
  if (repository) {
    // A work tree may lie in its own git directory: the way to it must stay, too.
    if (const auto around = base::parent_of(plan.project.root); !protection.area_of(around).empty())
      protection.pin_way_to(around);
    if (const auto file = repository->work_tree + "/.git"; host.lstat(file).kind == FileKind::file)
      git.git_file(file);
    if (!protection.area_of(repository->common_dir).empty())
      git.repository(repository->common_dir, repository->work_tree);
    // Where there are too many work trees to protect them all, this one still is, and can commit.
    if (repository->kind == Repository::Kind::linked_worktree && protection.is_covered(repository->git_dir) &&
        !protection.is_covered(repository->common_dir))
      git.linked_work_tree(repository->common_dir, repository->git_dir);
    protect_listed_submodules(host, plan, git);
  } else {
    protect_no_repository(host, plan, git, protection);
  }
  protect_first_level(host, plan, git);
  // A dotfiles repository may hold the very configuration of the host's git.
  protect_named(host,
                read_git_config(host, host_git_config_paths(host, plan.user_home), plan.user_home,
                                [](const auto&, const auto&) { return true; }),
                plan.project.root, plan.user_home,
                {.hooks = !is_lifted(plan, "git-hooks"), .config = !is_lifted(plan, "git-config")},
                protection);
}

}  // namespace claudebox::plan
