#include <gmock/gmock.h>

#include "git_host.h"

namespace claudebox::plan {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

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

/// The box whose stub it is ends between two looks: the next one makes its own.
TEST(GitProtection, AStubThatGoesAwayWhileItIsLookedAtIsMadeAnew) {
  struct Ending : FakeHost {
    explicit Ending(FakeHost host) : FakeHost(std::move(host)) {}
    sys::OpenedFile open_file(const std::string& path, std::size_t limit) const override {
      if (path.ends_with("/commondir")) return {.info = {.kind = sys::FileKind::missing}};
      return FakeHost::open_file(path, limit);
    }
    std::optional<std::string> read_file(const std::string& path, std::size_t limit) const override {
      if (path.ends_with("/commondir") && looks_++ > 0) return std::nullopt;
      return FakeHost::read_file(path, limit);
    }
    mutable int looks_ = 0;
  };
  auto host = repository();
  host.file(kGit + "/commondir", "../.git\n");
  EXPECT_NE(stub_at(protect(Ending(host)), kGit + "/commondir"), nullptr);
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

}  // namespace
}  // namespace claudebox::plan
