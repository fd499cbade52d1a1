#include "runtime/new_repositories.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "temp_dir.h"

namespace claudebox::runtime {
namespace {

using claudebox::testing::TempDir;
using report::Finding;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;

class NewRepositoriesTest : public ::testing::Test {
 protected:
  void repository(const std::string& path, const std::string& config = "[core]\n") {
    for (const std::string name : {"/objects", "/refs", "/hooks"})
      std::filesystem::create_directories(project_ / (path + name));
    project_.write(path + "/HEAD", "ref: refs/heads/main\n");
    project_.write(path + "/config", config);
  }
  plan::Plan plan() const {
    plan::Plan plan;
    plan.project.root = project_.path();
    return plan;
  }
  /// The box's start: what was made before is older by more than a tick of the coarse clock.
  NewRepositories start(const plan::Plan& plan) {
    ::usleep(30000);
    return NewRepositories(plan);
  }
  static auto at(const std::string& path) { return Field(&Finding::path, path); }

  TempDir project_;
};

TEST_F(NewRepositoriesTest, OldOnesAreNotReported) {
  repository("old/.git");
  repository("mirror.git");
  std::filesystem::create_directories(project_ / "tree");
  project_.write("tree/.git", "gitdir: ../old/.git\n");
  auto search = start(plan());
  // What work in a repository changes.
  project_.write("old/.git/HEAD", "ref: refs/heads/other\n");
  project_.write("old/.git/index", "x");
  EXPECT_THAT(search.find(), IsEmpty());
}

TEST_F(NewRepositoriesTest, NewOnesAreReportedNearestFirst) {
  auto search = start(plan());
  repository("a/b/c/.git");
  repository("z/mirror.git");
  std::filesystem::create_directories(project_ / "tree");
  project_.write("tree/.git", "gitdir: ../a/b/c/.git\n");
  EXPECT_THAT(search.find(), ElementsAre(at(project_ / "tree/.git"), at(project_ / "z/mirror.git"),
                                         at(project_ / "a/b/c/.git")));
}

TEST_F(NewRepositoriesTest, ChangedOnesAreReported) {
  const auto change = [&](const std::string& name, const std::string& content) {
    repository("old/.git");
    project_.write("old/.git/hooks/pre-commit", "#!/bin/sh\n");
    auto search = start(plan());
    project_.write("old/.git/" + name, content);
    EXPECT_THAT(search.find(), ElementsAre(at(project_ / "old/.git"))) << name;
    std::filesystem::remove_all(project_ / "old");
  };
  change("config", "[core]\n\tfsmonitor = x\n");
  change("hooks/pre-commit", "#!/bin/sh\nx\n");
  change("hooks/post-commit", "#!/bin/sh\nx\n");
  change("commondir", "/x\n");
  change("config.worktree", "");
}

TEST_F(NewRepositoriesTest, TimesThatAProgramSetsDoNotHideIt) {
  auto search = start(plan());
  repository("a/.git");
  for (const std::string name : {"a/.git/config", "a/.git/hooks", "a/.git/HEAD", "a/.git"})
    std::filesystem::last_write_time(project_ / name,
                                     std::filesystem::file_time_type::min() + std::chrono::hours(1));
  EXPECT_THAT(search.find(), ElementsAre(at(project_ / "a/.git")));
}

TEST_F(NewRepositoriesTest, WhatIsCoveredIsLeftOut) {
  auto covered = plan();
  covered.mounts.push_back({.kind = plan::Mount::Kind::read_only,
                            .target = project_ / "a/.git/config",
                            .purpose = plan::Purpose::protection,
                            .origin = {}});
  auto search = start(covered);
  repository("a/.git");
  EXPECT_THAT(search.find(), IsEmpty());
}

TEST_F(NewRepositoriesTest, LinksAreNotFollowed) {
  const TempDir elsewhere;
  auto search = start(plan());
  std::filesystem::create_directories(elsewhere / "r/.git");
  elsewhere.write("r/.git/config", "");
  std::filesystem::create_directory_symlink(elsewhere.path(), project_ / "link");
  std::filesystem::create_directory_symlink(project_.path(), project_ / "loop");
  EXPECT_THAT(search.find(), IsEmpty());
}

// PERF-3: a short run in a large project stays short.
TEST_F(NewRepositoriesTest, ALargeProjectIsLookedAtForAsLongAsTheBoxLivedAtMost) {
  for (int i = 0; i < 30; ++i)
    for (int j = 0; j < 200; ++j)
      std::filesystem::create_directories(project_ / ("d" + std::to_string(i) + "/e" + std::to_string(j)));
  auto search = start(plan());
  timespec before{}, after{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
  search.find();
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
  const double spent = static_cast<double>(after.tv_sec - before.tv_sec) * 1e3 +
                       static_cast<double>(after.tv_nsec - before.tv_nsec) / 1e6;
  EXPECT_LT(spent, 15);  // processor time, not the clock on the wall: the bound is 0.4 ms and one directory
}

}  // namespace
}  // namespace claudebox::runtime
