#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "fake_host.h"
#include "plan/git.h"

namespace claudebox::plan {
namespace {

using claudebox::testing::FakeHost;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kProject = "/home/dev/app";
const std::string kGit = kProject + "/.git";

void add_git_directory(FakeHost& host, const std::string& path, const std::string& config = "") {
  host.file(path + "/HEAD", "ref: refs/heads/main\n").directory(path + "/objects").directory(path + "/refs");
  host.file(path + "/config", config).directory(path + "/hooks");
}

FakeHost repository(const std::string& config = "[core]\n\tbare = false\n") {
  FakeHost host;
  add_git_directory(host, kGit, config);
  return host;
}

/// COMMON/worktrees/ID for the work tree at `tree`.
void add_linked(FakeHost& host, const std::string& common, const std::string& id, const std::string& tree) {
  const std::string own = common + "/worktrees/" + id;
  host.file(own + "/HEAD", "ref: refs/heads/x\n").file(own + "/commondir", "../..\n");
  host.file(own + "/gitdir", tree + "/.git\n").file(tree + "/.git", "gitdir: " + own + "\n");
}

Plan protect(const FakeHost& host, const std::string& project = kProject,
             const ::testing::Matcher<std::string>& said = "") {
  Plan plan;
  plan.user_home = "/home/dev";
  plan.project = {.root = project, .directory = project, .canonical_root = project, .origin = {}};
  std::string problem;
  const auto found = find_repository(host, project, problem);
  EXPECT_THAT(problem, said);
  plan_repository(host, found, plan);
  plan_project_protection(host, plan);
  return plan;
}

bool has_mount(const Plan& plan, Mount::Kind kind, const std::string& path) {
  return std::any_of(plan.mounts.begin(), plan.mounts.end(), [&](const Mount& mount) {
    return mount.kind == kind && mount.target == path && mount.source == path;
  });
}
bool is_covered(const Plan& plan, const std::string& path) {
  return has_mount(plan, Mount::Kind::read_only, path);
}
bool is_pinned(const Plan& plan, const std::string& path) {
  return has_mount(plan, Mount::Kind::writable, path);
}
bool is_watched(const Plan& plan, const std::string& path, Watch::Response response) {
  return std::any_of(plan.watches.begin(), plan.watches.end(), [&](const Watch& watch) {
    return watch.directory + "/" + watch.name == path && watch.response == response;
  });
}
const Stub* stub_at(const Plan& plan, const std::string& path) {
  const auto found =
      std::find_if(plan.stubs.begin(), plan.stubs.end(), [&](const Stub& stub) { return stub.path == path; });
  return found == plan.stubs.end() ? nullptr : &*found;
}

TEST(GitProtection, CoversWhatRunsCommandsAndPinsTheWay) {
  const Plan plan = protect(repository());
  EXPECT_TRUE(is_covered(plan, kGit + "/config"));
  EXPECT_TRUE(is_covered(plan, kGit + "/hooks"));
  EXPECT_TRUE(is_pinned(plan, kGit));
  EXPECT_FALSE(is_pinned(plan, kProject));  // a mount of its own already
  // The host replaces its configuration by rename; the cover is gone then.
  EXPECT_TRUE(is_watched(plan, kGit + "/config", Watch::Response::end));
}

TEST(GitProtection, AMissingRedirectGetsAnInertStubUnderACover) {
  const Plan plan = protect(repository());
  ASSERT_NE(stub_at(plan, kGit + "/commondir"), nullptr);
  EXPECT_EQ(stub_at(plan, kGit + "/commondir")->content, "../.git\n");
  EXPECT_TRUE(is_covered(plan, kGit + "/commondir"));
}

TEST(GitProtection, AnInertStubOfAnEarlierBoxIsTakenOver) {
  auto host = repository();
  host.file(kGit + "/commondir", "../.git\n");
  const Plan plan = protect(host);
  EXPECT_NE(stub_at(plan, kGit + "/commondir"), nullptr);
  EXPECT_THAT(plan.notes, IsEmpty());
}

TEST(GitProtection, ARedirectThatIsThereMakesTheGitDirectoryReadOnly) {
  for (const std::string text : {"/elsewhere\n", "/home/dev/other/.git\n", ""}) {
    auto host = repository();
    host.file(kGit + "/commondir", text).directory("/home/dev/other/.git");
    const Plan plan = protect(host);
    EXPECT_THAT(plan.stubs, IsEmpty());
    EXPECT_TRUE(is_covered(plan, kGit)) << text;
    EXPECT_FALSE(is_pinned(plan, kGit));
    EXPECT_THAT(plan.notes, Contains(Field(&Note::level, Note::Level::danger)));
  }
}

// `commondir` would change the meaning of core.worktree.
TEST(GitProtection, WhereAStubWouldChangeGitTheNameIsWatched) {
  const Plan plan = protect(repository("[core]\n\tworktree = ..\n"));
  EXPECT_EQ(stub_at(plan, kGit + "/commondir"), nullptr);
  EXPECT_TRUE(is_watched(plan, kGit + "/commondir", Watch::Response::remove_and_end));
}

// Git and libgit2 both read core.worktree with the extension on, whatever commondir says.
TEST(GitProtection, WithWorktreeConfigurationAStubChangesNothing) {
  auto host = repository("[extensions]\n\tworktreeConfig = true\n");
  host.file(kGit + "/config.worktree", "[core]\n\tworktree = ..\n");
  const Plan plan = protect(host);
  EXPECT_NE(stub_at(plan, kGit + "/commondir"), nullptr);
  EXPECT_EQ(stub_at(plan, kGit + "/config.worktree"), nullptr);  // the user's own
  EXPECT_TRUE(is_covered(plan, kGit + "/config.worktree"));
}

TEST(GitProtection, WhateverIsMissingGetsAnEmptyStub) {
  FakeHost host;
  host.file(kGit + "/HEAD", "ref: refs/heads/main\n").directory(kGit + "/objects").directory(kGit + "/refs");
  const Plan plan = protect(host);
  for (const std::string name : {"config", "config.worktree", "hooks", "remotes", "branches"}) {
    const Stub* stub = stub_at(plan, kGit + "/" + name);
    ASSERT_NE(stub, nullptr) << name;
    EXPECT_EQ(stub->content, "");
    EXPECT_EQ(stub->kind, name.starts_with("config") ? Stub::Kind::file : Stub::Kind::directory) << name;
    EXPECT_TRUE(is_covered(plan, kGit + "/" + name)) << name;
  }
}

TEST(GitProtection, WhatCannotBeCoveredMakesTheGitDirectoryReadOnly) {
  for (const std::string name : {"config", "config.worktree", "hooks", "remotes", "branches"}) {
    auto host = repository();
    host.symlink(kGit + "/" + name, "../elsewhere");
    const Plan plan = protect(host);
    EXPECT_TRUE(is_covered(plan, kGit)) << name;
    EXPECT_TRUE(is_watched(plan, kGit, Watch::Response::end)) << name;
    EXPECT_THAT(plan.stubs, IsEmpty());
    EXPECT_THAT(plan.notes, Contains(Field(&Note::text, HasSubstr(kGit + "/" + name)))) << name;
  }
  auto host = repository();
  host.other(kGit + "/config", sys::FileKind::fifo);
  EXPECT_TRUE(is_covered(protect(host), kGit));
  auto large = repository(std::string((1U << 20) + 1, '#'));
  EXPECT_TRUE(is_covered(protect(large), kGit));
  auto foreign = repository();
  foreign.read_only(kGit);
  EXPECT_TRUE(is_covered(protect(foreign), kGit));
  EXPECT_THAT(protect(foreign).stubs, IsEmpty());
}

TEST(GitProtection, WhatAReadOnlyGitDirectoryLeadsToIsCovered) {
  FakeHost host;
  host.file(kGit + "/HEAD", "ref: refs/heads/main\n").directory(kGit + "/objects").directory(kGit + "/refs");
  host.file(kGit + "/config", "[core]\n\tfsmonitor = tools/watch\n")
      .symlink(kGit + "/hooks", "../tools/hooks");
  host.directory(kProject + "/tools/hooks")
      .program(kProject + "/tools/watch")
      .program(kProject + "/tools/check");
  host.symlink(kProject + "/tools/hooks/pre-commit", "../check");
  add_linked(host, kGit, "l", kProject + "/trees/l");
  const Plan plan = protect(host);
  for (const std::string path : {"/.git", "/tools/hooks", "/tools/watch", "/tools/check", "/trees/l/.git"})
    EXPECT_TRUE(is_covered(plan, kProject + path)) << path;
  for (const auto& mount : plan.mounts) {
    if (mount.kind == Mount::Kind::writable) {
      EXPECT_THAT(mount.target, Not(HasSubstr("/.git/"))) << mount.target;
    }
  }
}

TEST(GitProtection, ReadOnlyProjectsNeedNothing) {
  const auto host = repository();
  Plan plan;
  plan.project = {
      .root = kProject, .directory = kProject, .canonical_root = kProject, .read_only = true, .origin = {}};
  std::string problem;
  plan_repository(host, find_repository(host, kProject, problem), plan);
  plan_project_protection(host, plan);
  EXPECT_EQ(plan.mounts.size() + plan.stubs.size() + plan.watches.size() + plan.sweeps.size(), 0U);
}

TEST(GitProtection, WhatLinksInHooksLeadToIsCovered) {
  auto host = repository();
  host.symlink(kGit + "/hooks/pre-commit", "../../tools/check").program(kProject + "/tools/check");
  host.symlink(kGit + "/hooks/pre-push", "/usr/bin/true").program("/usr/bin/true");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kProject + "/tools/check"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/tools"));
  EXPECT_FALSE(is_covered(plan, "/usr/bin/true"));
}

TEST(GitProtection, AnUnfinishedRebaseIsReported) {
  EXPECT_THAT(protect(repository()).sweeps,
              Contains(Field(&Sweep::path, kGit + "/rebase-merge/git-rebase-todo")));
}

TEST(GitProtection, HooksPathAndIncludesInTheProjectAreCovered) {
  auto host = repository("[core]\n\thooksPath = build/hooks\n[include]\n\tpath = ../shared/gitconfig\n");
  host.directory(kProject + "/build/hooks").file(kProject + "/shared/gitconfig");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kProject + "/build/hooks"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/build"));
  EXPECT_TRUE(is_covered(plan, kProject + "/shared/gitconfig"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/shared"));
}

TEST(GitProtection, AHooksPathThatDoesNotExistIsReportedWhenItComes) {
  const Plan plan = protect(repository("[core]\n\thooksPath = .githooks\n"));
  EXPECT_THAT(plan.sweeps, Contains(Field(&Sweep::path, kProject + "/.githooks")));
}

// The host's own configuration can name hooks in the project, or lie in it (a dotfiles repository).
TEST(GitProtection, TheHostsConfigurationIsConsidered) {
  auto host = repository();
  host.file("/home/dev/.gitconfig", "[core]\n\thooksPath = .githooks\n[include]\n\tpath = ~/app/gitconfig\n");
  host.directory(kProject + "/.githooks").file(kProject + "/gitconfig");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kProject + "/.githooks"));
  EXPECT_TRUE(is_covered(plan, kProject + "/gitconfig"));
  auto linked = repository();
  linked.symlink("/home/dev/.gitconfig", kProject + "/dot.gitconfig").file(kProject + "/dot.gitconfig");
  EXPECT_TRUE(is_covered(protect(linked), kProject + "/dot.gitconfig"));
}

TEST(GitProtection, ProgramsThatTheConfigurationNamesAreCovered) {
  auto host = repository(
      "[filter \"x\"]\n\tclean = python3 'tools/clean.py' %f\n[alias]\n\tx = !./run --all\n"
      "[branch \"m\"]\n\tmerge = refs/heads/m\n[core]\n\tfsmonitor = .git/hooks/watch\n");
  host.file(kProject + "/tools/clean.py").program(kProject + "/run").file(kProject + "/refs/heads/m");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kProject + "/tools/clean.py"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/tools"));
  EXPECT_TRUE(is_covered(plan, kProject + "/run"));
  EXPECT_FALSE(is_covered(plan, kProject + "/refs/heads/m"));
}

TEST(GitProtection, HooksThatCannotBeCoveredAreReported) {
  // The project itself as the hooks directory.
  EXPECT_THAT(protect(repository("[core]\n\thooksPath = .\n")).notes,
              Contains(Field(&Note::level, Note::Level::danger)));
  // A link on the way could be replaced.
  auto host = repository("[core]\n\thooksPath = link/hooks\n");
  host.symlink(kProject + "/link", "build").directory(kProject + "/build/hooks");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kProject + "/build/hooks"));
  EXPECT_THAT(plan.sweeps, Contains(Field(&Sweep::path, kProject + "/link/hooks")));
  // Not in the box at all: nothing to protect, but worth knowing.
  auto outside = repository("[core]\n\thooksPath = /home/dev/hooks\n");
  outside.directory("/home/dev/hooks");
  EXPECT_THAT(protect(outside).notes, Contains(Field(&Note::text, HasSubstr("run no hooks"))));
}

TEST(GitProtection, IncludesAreFollowedWithABound) {
  auto host = repository("[include]\n\tpath = ../a\n");
  host.file(kProject + "/a", "[include]\n\tpath = a\n[includeIf \"onbranch:x\"]\n\tpath = b\n");
  host.file(kProject + "/b", "[core]\n\thooksPath = h\n").directory(kProject + "/h");
  const Plan plan = protect(host);
  for (const std::string name : {"/a", "/b", "/h"}) EXPECT_TRUE(is_covered(plan, kProject + name)) << name;
  EXPECT_THAT(plan.notes, Contains(Field(&Note::level, Note::Level::warning)));  // a includes itself
}

TEST(GitProtection, SecretsAndSigningInTheConfigurationAreNoted) {
  for (const std::string config :
       {"[remote \"o\"]\n\turl = https://me:pass@example.org/x\n",
        "[http \"https://github.com/\"]\n\textraheader = AUTHORIZATION: basic eA==\n"}) {
    EXPECT_THAT(protect(repository(config)).notes,
                Contains(Field(&Note::text, HasSubstr("password or token"))));
  }
  for (const std::string url :
       {"https://example.org/a:b@c", "git@example.org:x/y", "ssh://git@example.org/x"})
    EXPECT_THAT(protect(repository("[remote \"o\"]\n\turl = " + url + "\n")).notes, IsEmpty()) << url;
  EXPECT_THAT(protect(repository("[commit]\n\tgpgSign = true\n")).notes,
              Contains(Field(&Note::text, HasSubstr("commit.gpgSign=false"))));
}

TEST(GitProtection, SubmodulesAreProtectedLikeTheirParent) {
  auto host = repository();
  const std::string module = kGit + "/modules/libs/a";
  add_git_directory(host, module, "[core]\n\tworktree = ../../../../libs/a\n");
  host.file(kProject + "/libs/a/.git", "gitdir: ../../.git/modules/libs/a\n");
  const std::string nested = module + "/modules/deep";
  add_git_directory(host, nested);
  const Plan plan = protect(host);
  for (const std::string& git_dir : {module, nested}) {
    EXPECT_TRUE(is_pinned(plan, git_dir));
    EXPECT_TRUE(is_covered(plan, git_dir + "/config"));
    EXPECT_TRUE(is_covered(plan, git_dir + "/hooks"));
    EXPECT_NE(stub_at(plan, git_dir + "/config.worktree"), nullptr);
  }
  for (const std::string path : {"/modules", "/modules/libs", "/modules/libs/a/modules"})
    EXPECT_TRUE(is_pinned(plan, kGit + path));
  EXPECT_TRUE(is_covered(plan, kProject + "/libs/a/.git"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/libs/a"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/libs"));
  EXPECT_TRUE(is_watched(plan, module + "/commondir", Watch::Response::remove_and_end));
  EXPECT_EQ(stub_at(plan, nested + "/commondir")->content, "../deep\n");
}

TEST(GitProtection, TooManySubmodulesAreReadOnlyTogether) {
  auto host = repository();
  for (int i = 0; i < 40; ++i) add_git_directory(host, kGit + "/modules/m" + std::to_string(i));
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kGit + "/modules"));
  EXPECT_TRUE(is_covered(plan, kGit + "/config"));
  EXPECT_LT(plan.mounts.size(), 20U);
  auto wide = repository();
  for (int i = 0; i < 5000; ++i) wide.directory(kGit + "/modules/m" + std::to_string(i));
  EXPECT_TRUE(is_covered(protect(wide), kGit + "/modules"));
  auto deep = repository();
  std::string path = kGit + "/modules";
  for (int i = 0; i < 500; ++i) path += "/d";
  deep.directory(path);
  EXPECT_TRUE(is_covered(protect(deep), kGit + "/modules"));
}

TEST(GitProtection, ASubmoduleWithItsOwnGitDirectoryIsFoundByGitmodules) {
  auto host = repository();
  host.file(kProject + "/.gitmodules",
            "[submodule \"a\"]\n\tpath = libs/a\n[submodule \"b\"]\n\tpath = ../../other\n"
            "[submodule \"c\"]\n\tpath = link\n");
  add_git_directory(host, kProject + "/libs/a/.git");
  add_git_directory(host, "/home/dev/other/.git");
  host.symlink(kProject + "/link", "/home/dev/other");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kProject + "/libs/a/.git/config"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/libs/a/.git"));
  for (const auto& mount : plan.mounts) EXPECT_THAT(mount.target, Not(HasSubstr("other")));
}

TEST(GitProtection, ASubmoduleAsTheProjectHasItsGitDirectoryBeside) {
  auto host = repository();
  const std::string module = kGit + "/modules/sub";
  add_git_directory(host, module, "[core]\n\tworktree = ../../../sub\n");
  host.file(kProject + "/sub/.git", "gitdir: ../.git/modules/sub\n");
  const Plan plan = protect(host, kProject + "/sub");
  EXPECT_TRUE(has_mount(plan, Mount::Kind::writable, module));
  EXPECT_FALSE(has_mount(plan, Mount::Kind::writable, kGit));  // the superproject's own stays away
  EXPECT_TRUE(is_covered(plan, module + "/config"));
  EXPECT_TRUE(is_covered(plan, kProject + "/sub/.git"));
  EXPECT_THAT(plan.notes, Contains(Field(&Note::text, HasSubstr("submodule"))));
}

TEST(GitProtection, ALinkedWorkTreeHasItsRepositoryBeside) {
  auto host = repository();
  add_linked(host, kGit, "l", "/home/dev/linked");
  add_linked(host, kGit, "m", "/home/dev/other");
  const Plan plan = protect(host, "/home/dev/linked");
  EXPECT_TRUE(is_pinned(plan, kGit));  // mounted, so pinned
  EXPECT_TRUE(is_covered(plan, "/home/dev/linked/.git"));
  EXPECT_TRUE(is_covered(plan, kGit + "/config"));
  EXPECT_TRUE(is_pinned(plan, kGit + "/worktrees"));
  for (const std::string id : {"/worktrees/l", "/worktrees/m"}) {
    EXPECT_TRUE(is_pinned(plan, kGit + id));
    EXPECT_TRUE(is_covered(plan, kGit + id + "/commondir"));
    EXPECT_TRUE(is_covered(plan, kGit + id + "/gitdir"));
    EXPECT_NE(stub_at(plan, kGit + id + "/config.worktree"), nullptr);
  }
  EXPECT_FALSE(has_mount(plan, Mount::Kind::writable, kProject));
  for (const auto& mount : plan.mounts) EXPECT_THAT(mount.target, Not(HasSubstr("/other")));
  EXPECT_THAT(plan.notes, Contains(Field(&Note::text, HasSubstr("linked work tree"))));
}

TEST(GitProtection, RelativeHooksOfALinkedWorkTreeAreItsOwn) {
  auto host = repository("[core]\n\thooksPath = .githooks\n");
  add_linked(host, kGit, "l", "/home/dev/linked");
  host.directory("/home/dev/linked/.githooks");
  EXPECT_TRUE(is_covered(protect(host, "/home/dev/linked"), "/home/dev/linked/.githooks"));
}

TEST(GitProtection, AWorkTreeInTheProjectKeepsItsPointer) {
  auto host = repository();
  add_linked(host, kGit, "l", kProject + "/trees/l");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kProject + "/trees/l/.git"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/trees/l"));
}

TEST(GitProtection, AWorkTreeWithARedirectIsReadOnly) {
  auto host = repository();
  add_linked(host, kGit, "l", "/home/dev/linked");
  host.file(kGit + "/worktrees/l/commondir", "../../../evil\n").directory(kProject + "/evil");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kGit + "/worktrees/l"));
  EXPECT_THAT(plan.notes, Contains(Field(&Note::level, Note::Level::danger)));
}

TEST(GitProtection, AmongTooManyWorkTreesTheProjectsOwnStillCommits) {
  auto host = repository();
  for (int i = 0; i < 80; ++i)
    add_linked(host, kGit, "l" + std::to_string(i), "/home/dev/linked" + std::to_string(i));
  const Plan plan = protect(host, "/home/dev/linked7");
  EXPECT_TRUE(is_covered(plan, kGit + "/worktrees"));
  EXPECT_TRUE(is_pinned(plan, kGit + "/worktrees/l7"));
  EXPECT_TRUE(is_covered(plan, kGit + "/worktrees/l7/commondir"));
  EXPECT_FALSE(is_pinned(plan, kGit + "/worktrees/l8"));
}

// A usual way to keep several work trees: proj/.bare, proj/.git that names it, proj/main and others.
TEST(GitProtection, ABareRepositoryBesideItsWorkTrees) {
  FakeHost host;
  add_git_directory(host, kProject + "/.bare", "[core]\n\tbare = true\n");
  host.file(kGit, "gitdir: ./.bare\n");
  add_linked(host, kProject + "/.bare", "main", kProject + "/main");
  for (const std::string& start : {kProject, kProject + "/main"}) {
    std::string problem;
    EXPECT_EQ(find_repository(host, start, problem)->canonical_root, kProject + "/.bare") << start;
    const Plan plan = protect(host, start);
    EXPECT_TRUE(is_covered(plan, start + "/.git")) << start;
    EXPECT_TRUE(is_covered(plan, kProject + "/.bare/config")) << start;
    EXPECT_TRUE(is_covered(plan, kProject + "/.bare/worktrees/main/commondir")) << start;
    EXPECT_TRUE(is_watched(plan, kProject + "/.bare/commondir", Watch::Response::remove_and_end)) << start;
  }
  EXPECT_TRUE(is_covered(protect(host), kProject + "/main/.git"));
}

TEST(GitProtection, AWorkTreeInItsOwnGitDirectoryKeepsItsPlace) {
  FakeHost host;
  add_git_directory(host, "/home/dev/app.git", "[core]\n\tbare = true\n");
  add_linked(host, "/home/dev/app.git", "main", "/home/dev/app.git/trees/main");
  add_linked(host, "/home/dev/app.git", "next", "/home/dev/app.git/trees/next");
  const Plan plan = protect(host, "/home/dev/app.git/trees/main");
  EXPECT_TRUE(is_pinned(plan, "/home/dev/app.git/trees"));
  EXPECT_TRUE(is_covered(plan, "/home/dev/app.git/trees/next/.git"));  // writable through the git directory
}

TEST(GitProtection, ABareRepositoryAsTheProject) {
  FakeHost host;
  add_git_directory(host, "/home/dev/app.git", "[core]\n\tbare = true\n");
  const Plan plan = protect(host, "/home/dev/app.git");
  EXPECT_TRUE(is_covered(plan, "/home/dev/app.git/config"));
  EXPECT_TRUE(is_covered(plan, "/home/dev/app.git/hooks"));
}

TEST(GitProtection, ClonesInFirstLevelDirectoriesAreProtected) {
  FakeHost host;
  add_git_directory(host, kProject + "/one/.git");
  host.directory(kProject + "/two").directory(kProject + "/three/.git");
  host.symlink(kProject + "/four", "/home/dev/outside");
  add_git_directory(host, "/home/dev/outside/.git");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kProject + "/one/.git/config"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/one"));
  EXPECT_TRUE(is_covered(plan, kProject + "/three/.git"));  // empty: a box could fill it
  EXPECT_FALSE(is_pinned(plan, kProject + "/two"));
  for (const auto& mount : plan.mounts) EXPECT_THAT(mount.target, Not(HasSubstr("outside")));
  EXPECT_THAT(plan.sweeps, Contains(Field(&Sweep::path, kGit)));
}

// Git works there on the host, so what it follows must stay, although the box has no repository.
TEST(GitProtection, PointersThatAreNotFollowedAreStillKept) {
  FakeHost host;
  add_git_directory(host, "/home/dev/sep");
  host.file(kGit, "gitdir: /home/dev/sep\n");
  Plan plan = protect(host, kProject, HasSubstr("core.worktree"));
  EXPECT_TRUE(is_covered(plan, kGit));
  for (const auto& mount : plan.mounts) EXPECT_THAT(mount.target, Not(HasSubstr("sep")));

  FakeHost link;
  add_git_directory(link, kProject + "/.repo");
  link.symlink(kGit, ".repo");
  plan = protect(link, kProject, HasSubstr("symbolic link"));
  EXPECT_TRUE(is_covered(plan, kProject + "/.repo/config"));
  EXPECT_TRUE(is_watched(plan, kGit, Watch::Response::end));
}

TEST(GitProtection, NoTargetHasTwoMounts) {
  auto host = repository("[core]\n\thooksPath = .git/hooks\n[include]\n\tpath = config\n");
  add_linked(host, kGit, "l", kProject + "/trees/l");
  add_git_directory(host, kGit + "/modules/m", "[core]\n\tworktree = ../../../m\n");
  host.file(kProject + "/m/.git", "gitdir: ../.git/modules/m\n");
  host.file(kProject + "/.gitmodules", "[submodule \"m\"]\n\tpath = m\n");
  const Plan plan = protect(host);
  std::set<std::string> targets;
  for (const auto& mount : plan.mounts) EXPECT_TRUE(targets.insert(mount.target).second) << mount.target;
  std::set<std::string> stubs;
  for (const auto& stub : plan.stubs) EXPECT_TRUE(stubs.insert(stub.path).second) << stub.path;
}

// A box may write this file; following it would let one box choose what the next one sees.
TEST(GitProtection, AlternatesAreNotFollowed) {
  auto host = repository();
  host.file(kGit + "/objects/info/alternates", "/home/dev/secret/.git/objects\n");
  host.directory("/home/dev/secret/.git/objects");
  const Plan plan = protect(host);
  for (const auto& mount : plan.mounts) EXPECT_THAT(mount.source, Not(HasSubstr("secret")));
  EXPECT_THAT(plan.notes, Contains(Field(&Note::text, HasSubstr("--mount"))));
}

TEST(ProjectProtection, CoversWhatExistsAndReportsWhatComes) {
  auto host = repository();
  host.file(kProject + "/.envrc").file(kProject + "/.claude/settings.json").directory(kProject + "/.vscode");
  const Plan plan = protect(host);
  for (const std::string path : {"/.envrc", "/.claude/settings.json", "/.vscode"})
    EXPECT_TRUE(is_covered(plan, kProject + path));
  EXPECT_TRUE(is_pinned(plan, kProject + "/.claude"));
  EXPECT_FALSE(is_covered(plan, kProject + "/.mcp.json"));
  EXPECT_THAT(plan.sweeps, Contains(Field(&Sweep::path, kProject + "/.mcp.json")));
  EXPECT_THAT(plan.sweeps,
              Contains(Field(&Sweep::path, kProject + "/.envrc")));  // replaced by the host, perhaps
}

TEST(ProjectProtection, LinksAreCoveredWhereTheyLead) {
  auto host = repository();
  host.symlink(kProject + "/.vscode", "conf/code").file(kProject + "/conf/code/tasks.json");
  host.symlink(kProject + "/.claude", "/home/dev/shared-claude")
      .file("/home/dev/shared-claude/settings.json");
  host.symlink(kProject + "/.idea", ".");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kProject + "/conf/code"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/conf"));
  EXPECT_FALSE(is_covered(plan, kProject + "/.vscode"));
  for (const auto& mount : plan.mounts) EXPECT_THAT(mount.target, Not(HasSubstr("shared-claude")));
  EXPECT_THAT(plan.notes, Contains(Field(&Note::level, Note::Level::danger)));
}

TEST(BoxGitConfiguration, HasThePersonAndNothingElse) {
  FakeHost host;
  host.file(
      "/home/dev/.gitconfig",
      "[user]\n\tname = Ann \\\"A\\\" O'Neil\n\temail = ann@example.org\n\tsigningkey = X\n"
      "[credential]\n\thelper = store\n[include]\n\tpath = work.inc\n"
      "[includeIf \"gitdir:~/app/\"]\n\tpath = app.inc\n[includeIf \"gitdir:~/none/\"]\n\tpath = none.inc\n");
  host.file("/home/dev/work.inc",
            "[init]\n\tdefaultBranch = trunk\n[alias]\n\tx = !rm\n[include]\n\tpath = work.inc\n");
  host.file("/home/dev/app.inc", "[user]\n\temail = ann@work.example\n");
  host.file("/home/dev/none.inc", "[user]\n\temail = wrong@example.org\n");
  add_git_directory(host, kGit);
  Plan plan;
  plan.user_home = "/home/dev";
  plan.project = {.root = kProject, .directory = kProject, .canonical_root = kProject, .origin = {}};
  const std::string text = box_gitconfig(host, plan);
  EXPECT_THAT(text, HasSubstr("name = \"Ann \\\"A\\\" O'Neil\""));
  EXPECT_THAT(text, HasSubstr("email = \"ann@work.example\""));
  EXPECT_THAT(text, HasSubstr("defaultBranch = \"trunk\""));
  EXPECT_THAT(text, HasSubstr("directory = \"/home/dev/app\""));
  for (const std::string secret : {"credential", "helper", "signingkey", "alias", "include"})
    EXPECT_THAT(text, Not(HasSubstr(secret)));
}

}  // namespace
}  // namespace claudebox::plan
