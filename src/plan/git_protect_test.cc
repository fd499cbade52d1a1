#include <gmock/gmock.h>

#include <set>

#include "git_host.h"

namespace claudebox::plan {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;

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

}  // namespace
}  // namespace claudebox::plan
