#include "plan/git_config_files.h"

#include <gmock/gmock.h>

#include "fake_host.h"

namespace claudebox::plan {
namespace {

using claudebox::testing::FakeHost;
using ::testing::SizeIs;

const std::string kHome = "/home/dev";

GitConfigFiles read(const FakeHost& host, const std::string& path, bool conditions = true) {
  return read_git_config(host, {path}, kHome, [&](const auto&, const auto&) { return conditions; });
}

TEST(GitConfigFiles, IncludedEntriesStandWhereTheIncludeStood) {
  FakeHost host;
  host.file("/home/dev/a", "[x]\ny = 1\n[include]\npath = sub/b\n[x]\nz = 3\n")
      .file("/home/dev/sub/b", "[x]\ny = 2\nz = 2\n");
  const auto config = read(host, "/home/dev/a");
  EXPECT_EQ(git_config_value(config.entries, "x", "y"), "2");
  EXPECT_EQ(git_config_value(config.entries, "x", "z"), "3");
  EXPECT_TRUE(config.complete);
}

TEST(GitConfigFiles, LoopsAndFloodsEnd) {
  FakeHost host;
  std::string many;
  for (int i = 0; i < 200; ++i) many += "[include]\npath = a\n";
  host.file("/home/dev/a", many);
  const auto config = read(host, "/home/dev/a");
  EXPECT_THAT(config.files, SizeIs(64));
  EXPECT_FALSE(config.complete);
}

TEST(GitConfigFiles, WhatCannotBeReadIsSaid) {
  FakeHost host;
  host.file("/home/dev/a", "[include]\npath = none\n");
  EXPECT_TRUE(read(host, "/home/dev/a").complete);  // git passes over a missing one, too
  host.other("/home/dev/none", sys::FileKind::fifo);
  EXPECT_FALSE(read(host, "/home/dev/a").complete);
}

TEST(GitConfigFiles, ConditionsAreAsked) {
  FakeHost host;
  host.file("/home/dev/a", "[includeIf \"onbranch:x\"]\npath = b\n").file("/home/dev/b", "[x]\ny = 1\n");
  EXPECT_TRUE(git_config_value(read(host, "/home/dev/a").entries, "x", "y"));
  EXPECT_FALSE(git_config_value(read(host, "/home/dev/a", false).entries, "x", "y"));
}

TEST(GitConfigFiles, ValuesThatArePaths) {
  EXPECT_EQ(git_config_path("~/x", "/d", kHome), "/home/dev/x");
  EXPECT_EQ(git_config_path("x/../y", "/d", kHome), "/d/y");
  EXPECT_EQ(git_config_path("/abs", "/d", kHome), "/abs");
  EXPECT_EQ(git_config_path("~user/x", "/d", kHome), "/d/~user/x");
}

// git-config(1), "Conditional includes"
TEST(GitConfigFiles, GitdirConditions) {
  const auto holds = [](const std::string& condition, const std::string& git_dir) {
    return gitdir_condition_holds(condition, "/home/dev/.gitconfig", git_dir, kHome);
  };
  EXPECT_TRUE(holds("gitdir:/home/dev/work/", "/home/dev/work/a/.git"));
  EXPECT_TRUE(holds("gitdir:~/work/", "/home/dev/work/a/.git"));
  EXPECT_TRUE(holds("gitdir:./work/", "/home/dev/work/a/.git"));
  EXPECT_TRUE(holds("gitdir:work/", "/home/dev/work/a/.git"));
  EXPECT_TRUE(holds("gitdir:~/work/*/.git", "/home/dev/work/a/.git"));
  EXPECT_TRUE(holds("gitdir:/**/a/.git", "/home/dev/work/a/.git"));
  EXPECT_TRUE(holds("gitdir/i:~/WORK/", "/home/dev/work/a/.git"));
  EXPECT_FALSE(holds("gitdir:~/WORK/", "/home/dev/work/a/.git"));
  EXPECT_FALSE(holds("gitdir:~/work", "/home/dev/work/a/.git"));
  EXPECT_FALSE(holds("gitdir:~/work/*", "/home/dev/work/a/.git"));
  EXPECT_FALSE(holds("gitdir:~/wor/", "/home/dev/work/a/.git"));
  EXPECT_FALSE(holds("onbranch:main", "/home/dev/work/a/.git"));
  EXPECT_FALSE(holds("gitdir", "/home/dev/work/a/.git"));
  std::string stars = "gitdir:";
  for (int i = 0; i < 200; ++i) stars += "**/";
  EXPECT_FALSE(holds(stars + "none", "/home/dev/work/a/.git"));
}

}  // namespace
}  // namespace claudebox::plan
