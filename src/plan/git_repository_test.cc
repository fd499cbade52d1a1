#include <gmock/gmock.h>

#include "fake_host.h"
#include "plan/git.h"

namespace claudebox::plan {
namespace {

using claudebox::testing::FakeHost;
using ::testing::HasSubstr;
using Kind = Repository::Kind;

void add_git_directory(FakeHost& host, const std::string& path, const std::string& config = "") {
  host.file(path + "/HEAD", "ref: refs/heads/main\n").directory(path + "/objects").directory(path + "/refs");
  host.file(path + "/config", config);
}

/// /home/dev/main with a linked work tree at /home/dev/linked.
FakeHost with_worktree() {
  FakeHost host;
  add_git_directory(host, "/home/dev/main/.git");
  host.file("/home/dev/linked/.git", "gitdir: /home/dev/main/.git/worktrees/linked\n");
  host.file("/home/dev/main/.git/worktrees/linked/HEAD", "ref: refs/heads/l\n")
      .file("/home/dev/main/.git/worktrees/linked/commondir", "../..\n");
  host.file("/home/dev/main/.git/worktrees/linked/gitdir", "/home/dev/linked/.git\n");
  return host;
}

std::optional<Repository> find(const FakeHost& host, const std::string& directory,
                               std::string* said = nullptr) {
  std::string problem;
  auto found = find_repository(host, directory, problem);
  if (said) *said = problem;
  return found;
}

TEST(FindRepository, LooksUpward) {
  FakeHost host;
  add_git_directory(host, "/home/dev/app/.git");
  host.directory("/home/dev/app/src/deep");
  const auto found = find(host, "/home/dev/app/src/deep");
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (Repository{Kind::main_worktree, "/home/dev/app", "/home/dev/app/.git",
                                "/home/dev/app/.git", "/home/dev/app"}));
  EXPECT_FALSE(find(host, "/home/dev"));
}

TEST(FindRepository, APlainDirectoryCalledGitIsNone) {
  FakeHost host;
  host.directory("/home/dev/app/.git");
  EXPECT_FALSE(find(host, "/home/dev/app"));
}

// INST-2: all work trees share the main one's instance.
TEST(FindRepository, ALinkedWorkTreeBelongsToTheMainOne) {
  const auto found = find(with_worktree(), "/home/dev/linked");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Kind::linked_worktree);
  EXPECT_EQ(found->common_dir, "/home/dev/main/.git");
  EXPECT_EQ(found->canonical_root, "/home/dev/main");
}

TEST(FindRepository, AWorkTreeOfABareRepositoryBelongsToThat) {
  FakeHost host;
  add_git_directory(host, "/srv/app.git", "[core]\n\tbare = true\n");
  host.file("/home/dev/w/.git", "gitdir: /srv/app.git/worktrees/w\n");
  host.file("/srv/app.git/worktrees/w/HEAD", "ref: refs/heads/w\n")
      .file("/srv/app.git/worktrees/w/commondir", "../..\n");
  host.file("/srv/app.git/worktrees/w/gitdir", "/home/dev/w/.git\n");
  EXPECT_EQ(find(host, "/home/dev/w")->canonical_root, "/srv/app.git");
  EXPECT_EQ(find(host, "/srv/app.git")->kind, Kind::bare);
}

TEST(FindRepository, ASubmoduleIsItsOwnProject) {
  FakeHost host;
  add_git_directory(host, "/home/dev/super/.git");
  add_git_directory(host, "/home/dev/super/.git/modules/sub", "[core]\n\tworktree = ../../../sub\n");
  host.file("/home/dev/super/sub/.git", "gitdir: ../.git/modules/sub\n");
  const auto found = find(host, "/home/dev/super/sub");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Kind::submodule);
  EXPECT_EQ(found->work_tree, "/home/dev/super/sub");
  EXPECT_EQ(found->git_dir, "/home/dev/super/.git/modules/sub");
}

// A `.git` file is part of a project that may come from anywhere. It must not open another repository to the box.
TEST(FindRepository, AnUnconfirmedPointerIsRefused) {
  auto host = with_worktree();
  std::string said;
  host.file("/home/dev/evil/.git", "gitdir: /home/dev/main/.git\n");
  EXPECT_FALSE(find(host, "/home/dev/evil", &said));
  EXPECT_THAT(said, HasSubstr("does not name this work tree"));
  host.file("/home/dev/evil2/.git", "gitdir: /home/dev/main/.git/worktrees/linked\n");
  EXPECT_FALSE(find(host, "/home/dev/evil2", &said));
  EXPECT_THAT(said, HasSubstr("does not name this work tree"));
  // A git directory in the project that names another repository as its common directory.
  host.file("/home/dev/evil3/.git", "gitdir: fake\n")
      .file("/home/dev/evil3/fake/HEAD", "ref: refs/heads/x\n");
  host.file("/home/dev/evil3/fake/commondir", "/home/dev/main/.git\n")
      .file("/home/dev/evil3/fake/gitdir", "/home/dev/evil3/.git\n");
  EXPECT_FALSE(find(host, "/home/dev/evil3", &said));
  EXPECT_THAT(said, HasSubstr("leads elsewhere"));
}

TEST(FindRepository, ASeparateGitDirectoryMustNameItsWorkTree) {
  FakeHost host;
  add_git_directory(host, "/srv/gd", "[core]\n\tworktree = /home/dev/app\n");
  host.file("/home/dev/app/.git", "gitdir: /srv/gd\n").file("/home/dev/other/.git", "gitdir: /srv/gd\n");
  EXPECT_EQ(find(host, "/home/dev/app")->kind, Kind::separate);
  std::string said;
  EXPECT_FALSE(find(host, "/home/dev/other", &said));
  EXPECT_THAT(said, HasSubstr("core.worktree"));  // the way out
}

TEST(FindRepository, AGitDirectoryInTheWorkTreeNeedsNoConfirmation) {
  FakeHost host;
  add_git_directory(host, "/home/dev/app/.repo");
  host.file("/home/dev/app/.git", "gitdir: .repo\n");
  EXPECT_EQ(find(host, "/home/dev/app")->kind, Kind::separate);
}

TEST(FindRepository, TheConfigurationOfTheMainWorkTreeMayLieApart) {
  FakeHost host;
  add_git_directory(host, "/home/dev/app/.git", "[extensions]\n\tworktreeConfig = true\n");
  host.file("/home/dev/app/.git/config.worktree", "[core]\n\tbare = true\n");
  EXPECT_EQ(find(host, "/home/dev/app")->canonical_root, "/home/dev/app/.git");
}

TEST(FindRepository, AnInertCommondirIsNoLinkedWorkTree) {
  FakeHost host;
  add_git_directory(host, "/srv/gd", "[core]\n\tworktree = /home/dev/app\n");
  host.file("/srv/gd/commondir", "../gd\n").file("/home/dev/app/.git", "gitdir: /srv/gd\n");
  EXPECT_EQ(find(host, "/home/dev/app")->kind, Kind::separate);
}

TEST(FindRepository, BareOnlyWhereHeadIsOne) {
  FakeHost host;
  host.file("/home/dev/app/HEAD", "notes\n")
      .directory("/home/dev/app/objects")
      .directory("/home/dev/app/refs");
  EXPECT_FALSE(find(host, "/home/dev/app"));
  host.file("/home/dev/app/HEAD", std::string(40, 'a') + "\n");
  EXPECT_EQ(find(host, "/home/dev/app")->kind, Kind::bare);
}

TEST(FindRepository, LoopsAndHugeFilesEnd) {
  FakeHost host;
  host.symlink("/home/dev/app/.git", ".git");
  std::string said;
  EXPECT_FALSE(find(host, "/home/dev/app", &said));
  host.file("/home/dev/b/.git", "gitdir: " + std::string(1U << 20, 'x'));
  EXPECT_FALSE(find(host, "/home/dev/b", &said));
  EXPECT_LT(said.size(), 1000U);
  host.file("/home/dev/c/.git", "gitdir: ../b\n");
  EXPECT_FALSE(find(host, "/home/dev/c", &said));
}

// Discovery does not honour GIT_DIR: the caller's environment must not choose what becomes writable.
TEST(FindRepository, TheEnvironmentDoesNotCount) {
  FakeHost host;
  add_git_directory(host, "/home/dev/other/.git");
  host.set("GIT_DIR", "/home/dev/other/.git").directory("/home/dev/app");
  EXPECT_FALSE(find(host, "/home/dev/app"));
}

TEST(FindRepository, MalformedPointersSayWhichFile) {
  for (const std::string content :
       {"", "gitdir:", "gitdir: \n", "gitdir: /none\n", "nonsense", "gitdir: .git\n"}) {
    FakeHost host;
    host.file("/home/dev/app/.git", content);
    std::string said;
    EXPECT_FALSE(find(host, "/home/dev/app", &said)) << content;
    EXPECT_THAT(said, HasSubstr("/home/dev/app/.git")) << content;
  }
  FakeHost host;
  host.other("/home/dev/app/.git", sys::FileKind::fifo);
  EXPECT_FALSE(find(host, "/home/dev/app"));
}

TEST(FindRepository, ALinkForGitIsRefused) {
  auto host = with_worktree();
  host.symlink("/home/dev/app/.git", "/home/dev/main/.git");
  std::string said;
  EXPECT_FALSE(find(host, "/home/dev/app", &said));
  EXPECT_THAT(said, HasSubstr("symbolic link"));
}

}  // namespace
}  // namespace claudebox::plan
