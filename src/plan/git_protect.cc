// What a box may not write of a repository that it works in (BOX-10).
//
// Theory of operation. The git directory stays writable, so that commits work, but what makes the host's git run
// commands is covered with a read-only bind of itself:
//  - config and hooks, and what core.hooksPath and include.path name inside the project;
//  - names that redirect git elsewhere: commondir and, where extensions.worktreeConfig is on, config.worktree. One that
//    does not exist can't be covered, so an inert one is made for the life of the box (a Stub): `commondir` that says
//    "../NAME" makes git use exactly what it used before. Where core.worktree or core.bare is set that would change
//    their meaning, and the name is watched instead.
//  - every directory on the way from the project to something covered is pinned by a bind of itself: a mount point can't
//    be renamed, so `mv .git x; cp -r x .git` fails.
// A cover holds only as long as the file is the same one: when the host replaces it (`git config` renames a new file
// into place), the kernel detaches the mount in the box, and the new file lies open. That is watched, and ends the box.
#include <algorithm>
#include <set>

#include "base/path.h"
#include "plan/git.h"
#include "plan/git_config.h"

namespace claudebox::plan {
namespace {

/// Bounds on what is looked at: a repository may have been prepared to make planning slow.
constexpr std::size_t kMaxModules = 128;
constexpr std::size_t kMaxWorktrees = 64;
constexpr std::size_t kMaxIncludes = 16;

using sys::FileKind;

class Protection {
 public:
  Protection(const sys::HostView& host, Plan& plan) : host_(host), plan_(plan) {}

  /// A git directory that is the repository's own (not a linked work tree's).
  void git_directory(const std::string& git_dir, const std::string& work_tree) {
    pin_from_project(git_dir);
    const auto entries = parse_git_config(host_.read_file(git_dir + "/config").value_or(""));
    cover_or_watch(git_dir, "config", "git runs commands that its configuration names");
    hooks(git_dir);
    redirects(git_dir, entries);
    if (!work_tree.empty()) named_in_config(entries, git_dir, work_tree);
    modules(git_dir + "/modules");
  }

  /// COMMON/worktrees: each linked work tree's commondir says where its configuration is.
  void worktrees(const std::string& common_dir) {
    const std::string all = common_dir + "/worktrees";
    if (host_.lstat(all).kind != FileKind::directory) return;
    const auto entries = parse_git_config(host_.read_file(common_dir + "/config").value_or(""));
    pin(all);
    const auto names = host_.list_directory(all, kMaxWorktrees + 1);
    if (names.size() > kMaxWorktrees) {
      cover(all, "too many work trees to protect one by one");
      note(Note::Level::warning, "more than " + std::to_string(kMaxWorktrees) +
                                     " work trees: their directories in " + all + " are read-only");
      return;
    }
    for (const auto& name : names) {
      const std::string one = all + "/" + name;
      if (host_.lstat(one).kind != FileKind::directory) continue;
      pin(one);
      cover_or_watch(one, "commondir", "it says where this work tree's configuration is");
      if (git_config_true(git_config_value(entries, "extensions", "worktreeconfig").value_or("")))
        stub(one, "config.worktree", "", "git reads it as configuration");
    }
  }

  /// The `.git` file of a linked work tree or submodule.
  void git_file(const std::string& file) {
    pin_from_project(base::parent_of(file));
    cover(file, "it says where the repository is");
  }

  void note(Note::Level level, const std::string& text) {
    plan_.notes.push_back({level, text, origin("git")});
  }

 private:
  static base::Origin origin(const std::string& reason) {
    return {base::Origin::Kind::builtin, "git protection", reason};
  }

  void mount(Mount::Kind kind, const std::string& path, const std::string& reason) {
    plan_.mounts.push_back({.kind = kind,
                            .target = path,
                            .source = path,
                            .purpose = Purpose::protection,
                            .origin = origin(reason)});
  }

  void pin(const std::string& directory) {
    if (directory != plan_.project.root && pinned_.insert(directory).second)
      mount(Mount::Kind::writable, directory, "so that it can't be renamed away and made anew");
  }

  /// Every directory from below the project down to `directory` itself.
  void pin_from_project(const std::string& directory) {
    for (const auto& step : base::ancestors_and_self(directory))
      if (base::is_within(step, plan_.project.root)) pin(step);
  }

  void cover(const std::string& path, const std::string& reason) {
    if (covered_.insert(path).second) mount(Mount::Kind::read_only, path, reason);
  }

  void watch(const std::string& directory, const std::string& name, Watch::Response response,
             const std::string& reason) {
    plan_.watches.push_back({directory, name, response, reason});
  }

  void cover_or_watch(const std::string& directory, const std::string& name, const std::string& reason) {
    const auto kind = host_.lstat(directory + "/" + name).kind;
    if (kind == FileKind::file || kind == FileKind::directory) {
      cover(directory + "/" + name, reason);
      watch(directory, name, Watch::Response::end, reason);
    } else if (kind == FileKind::missing) {
      watch(directory, name, Watch::Response::remove_and_end, reason);
    } else {
      // A link can't be covered, only what it leads to. Replacing it shows.
      if (const auto real = host_.real_path(directory + "/" + name);
          real && base::is_within(*real, plan_.project.root))
        cover_in_project(*real, reason);
      watch(directory, name, Watch::Response::end, reason);
    }
  }

  void stub(const std::string& directory, const std::string& name, const std::string& content,
            const std::string& reason, Stub::Kind kind = Stub::Kind::file) {
    const std::string path = directory + "/" + name;
    if (host_.lstat(path).kind == FileKind::missing ||
        (kind == Stub::Kind::file && host_.read_file(path, 4096) == content))
      plan_.stubs.push_back({.kind = kind, .path = path, .content = content, .origin = origin(reason)});
    cover(path, reason);
    watch(directory, name, Watch::Response::end, reason);
  }

  void hooks(const std::string& git_dir) {
    const std::string reason = "the host's git runs what is in it";
    if (host_.lstat(git_dir + "/hooks").kind == FileKind::missing) {
      stub(git_dir, "hooks", "", reason, Stub::Kind::directory);
    } else {
      cover_or_watch(git_dir, "hooks", reason);
    }
  }

  void redirects(const std::string& git_dir, const std::vector<GitConfigEntry>& entries) {
    const std::string reason = "git would take its configuration from where it says";
    const std::string path = git_dir + "/commondir";
    const std::string inert = "../" + base::base_name(git_dir) + "\n";
    const bool bare = git_config_true(git_config_value(entries, "core", "bare").value_or("false"));
    const auto kind = host_.lstat(path).kind;
    if (kind != FileKind::missing && host_.read_file(path, 4096) != inert) {
      note(Note::Level::danger, path + " redirects git to another directory: look whether that is yours");
      cover_or_watch(git_dir, "commondir", reason);
    } else if (kind == FileKind::missing && (bare || git_config_value(entries, "core", "worktree"))) {
      watch(git_dir, "commondir", Watch::Response::remove_and_end, reason);
    } else {
      stub(git_dir, "commondir", inert, reason);
    }
    if (git_config_true(git_config_value(entries, "extensions", "worktreeconfig").value_or("")))
      stub(git_dir, "config.worktree", "", "git reads it as configuration");
  }

  void cover_in_project(const std::string& path, const std::string& reason) {
    pin_from_project(base::parent_of(path));
    cover(path, reason);
  }

  /// What the configuration names inside the project: hooks and further configuration.
  void named_in_config(const std::vector<GitConfigEntry>& entries, const std::string& git_dir,
                       const std::string& work_tree) {
    const auto protect = [&](const std::string& from, std::string path, const std::string& reason) {
      if (path.starts_with("~/")) path = plan_.user_home + path.substr(1);
      path = base::normalize(base::path_join(from, path));
      const auto real = host_.real_path(path);
      if (real && *real != plan_.project.root && base::is_within(*real, plan_.project.root)) {
        cover_in_project(*real, reason);
      } else if (!real && base::is_within(path, plan_.project.root)) {
        plan_.sweeps.push_back({path, reason});
      }
    };
    if (const auto path = git_config_value(entries, "core", "hookspath"); path && !path->empty())
      protect(work_tree, *path, "core.hooksPath: the host's git runs what is in it");
    std::size_t includes = 0;
    for (const auto& entry : entries)
      if ((entry.section == "include" || entry.section == "includeif") && entry.key == "path" &&
          ++includes <= kMaxIncludes)
        protect(git_dir, entry.value, "the repository's configuration includes it");
  }

  /// .git/modules holds the git directories of submodules, whose names may have slashes.
  void modules(const std::string& root) {
    if (host_.lstat(root).kind != FileKind::directory) return;
    std::vector<std::string> todo = {root};
    for (std::size_t i = 0; i < todo.size(); ++i) {
      const std::string directory = todo[i];
      if (i >= kMaxModules) {
        cover(root, "too many submodules to protect one by one");
        return note(Note::Level::warning, "more than " + std::to_string(kMaxModules) + " directories in " +
                                              root + ": the submodules' repositories are read-only");
      }
      pin(directory);
      if (directory != root && host_.lstat(directory + "/HEAD").kind == FileKind::file) {
        module(directory);
        continue;
      }
      for (const auto& name : host_.list_directory(directory, kMaxModules))
        if (host_.lstat(directory + "/" + name).kind == FileKind::directory)
          todo.push_back(directory + "/" + name);
    }
  }

  void module(const std::string& git_dir) {
    const auto entries = parse_git_config(host_.read_file(git_dir + "/config").value_or(""));
    std::string work_tree;
    if (const auto tree = git_config_value(entries, "core", "worktree"))
      work_tree = host_.real_path(base::path_join(git_dir, *tree)).value_or("");
    if (base::is_within(work_tree, plan_.project.root) &&
        host_.lstat(work_tree + "/.git").kind == FileKind::file)
      git_file(work_tree + "/.git");
    git_directory(git_dir, work_tree);
  }

  const sys::HostView& host_;
  Plan& plan_;
  std::set<std::string> pinned_;
  std::set<std::string> covered_;
};

/// A git directory that lies outside the project is mounted beside it, so that git works (INST-2).
void add_outside(const std::string& directory, Plan& plan) {
  if (base::is_within(directory, plan.project.root)) return;
  plan.mounts.push_back(
      {.kind = plan.project.read_only ? Mount::Kind::read_only : Mount::Kind::writable,
       .target = directory,
       .source = directory,
       .purpose = Purpose::project,
       .origin = {base::Origin::Kind::detected, "git", "the repository of this work tree"}});
}

/// Objects borrowed from elsewhere. Not mounted by themselves: a box may write this file, so it would choose what
/// the next one sees.
void note_alternates(const sys::HostView& host, const std::string& common_dir, Plan& plan) {
  if (host.lstat(common_dir + "/objects/info/alternates").kind == FileKind::file)
    plan.notes.push_back(
        {Note::Level::warning,
         "the repository borrows objects from elsewhere (" + common_dir +
             "/objects/info/alternates); git works in the box once you grant that place with --mount",
         {base::Origin::Kind::detected, "git", "not followed by itself"}});
}

}  // namespace

void plan_repository(const sys::HostView& host, const std::optional<Repository>& repository, Plan& plan) {
  if (!repository) return;
  add_outside(repository->common_dir, plan);
  note_alternates(host, repository->common_dir, plan);
  if (plan.project.read_only) return;
  Protection protection(host, plan);
  using Kind = Repository::Kind;
  if (repository->kind != Kind::main_worktree && repository->kind != Kind::bare)
    protection.git_file(repository->work_tree + "/.git");
  protection.git_directory(repository->common_dir,
                           repository->kind == Kind::linked_worktree ? std::string() : repository->work_tree);
  protection.worktrees(repository->common_dir);
  if (!base::is_within(repository->common_dir, plan.project.root))
    protection.note(Note::Level::info, "the repository itself is writable, too: " + repository->common_dir);
}

}  // namespace claudebox::plan
