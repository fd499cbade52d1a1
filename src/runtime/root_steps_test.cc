#include "runtime/root_steps.h"

#include <gmock/gmock.h>

#include <cerrno>

#include "base/error.h"

namespace claudebox::runtime {
namespace {

using plan::Mount;
using ::testing::HasSubstr;
using Kind = RootStep::Kind;

plan::Plan example() {
  plan::Plan plan;
  plan.mounts = {
      {.kind = Mount::Kind::read_only, .target = "/usr", .source = "/usr"},
      {.kind = Mount::Kind::proc, .target = "/proc"},
      {.kind = Mount::Kind::read_only, .target = "/proc/sys", .source = "/proc/sys"},
      {.kind = Mount::Kind::writable, .target = "/home/dev", .source = "/instance/home"},
      {.kind = Mount::Kind::symlink, .target = "/home/dev/.nix-profile", .source = "/nix/profile"},
      {.kind = Mount::Kind::file, .target = "/home/dev/.gitconfig", .content = "x"},
      {.kind = Mount::Kind::file, .target = "/etc/passwd", .content = "y"},
      {.kind = Mount::Kind::store, .target = "/nix/store", .source = "/nix/store", .names = {"a", "b"}}};
  return plan;
}

TEST(RootSteps, AreThePlansMountsButThoseThatBwrapMakes) {
  const plan::Plan plan = example();
  const RootSteps steps(plan, false);
  const auto spec = steps.spec();
  std::vector<std::string> seen;
  for (std::size_t i = 0; i < spec.count; ++i) seen.emplace_back(spec.steps[i].target);
  EXPECT_THAT(seen, ::testing::ElementsAre("usr", "proc", "home/dev", "home/dev/.gitconfig", "etc/passwd",
                                           "nix/store"));
  EXPECT_EQ(spec.steps[1].kind, Kind::directory);
  EXPECT_EQ(spec.steps[3].kind, Kind::data_file);  // not written into the host's directory
  EXPECT_EQ(spec.steps[4].kind, Kind::file);
  EXPECT_EQ(spec.steps[5].name_count, 2U);
  EXPECT_STREQ(spec.steps[5].names[1], "b");
  EXPECT_EQ(spec.terminal, nullptr);
}

TEST(RootSteps, LinksAreFollowedOnlyWhereTheBoxCantWrite) {
  const plan::Plan plan = example();
  const RootSteps steps(plan, false);
  EXPECT_TRUE(steps.spec().steps[0].links_in_target);
  EXPECT_FALSE(steps.spec().steps[3].links_in_target);
}

std::string message(const RootResult& failed, int error) {
  const plan::Plan plan = example();
  try {
    RootSteps(plan, false).throw_failure(failed, error);
  } catch (const base::Error& thrown) {
    return thrown.what();
  }
}

TEST(RootSteps, AFailureSaysWhatCouldNotBeMounted) {
  EXPECT_THAT(message({RootPart::source, 2}, ELOOP),
              HasSubstr("can't mount /instance/home: a part of the path became a symbolic link"));
  EXPECT_THAT(message({RootPart::source, 2}, ENOENT), HasSubstr("it is gone since it was planned"));
  EXPECT_THAT(message({RootPart::target, 3}, ELOOP),
              HasSubstr("can't mount on /home/dev/.gitconfig in the box: a symbolic link is on the way"));
  EXPECT_THAT(message({RootPart::target, 3}, EROFS),
              HasSubstr("can't mount on /home/dev/.gitconfig in the box: "));
  EXPECT_THAT(message({RootPart::mount, 5}, ENOENT), HasSubstr("can't mount the packages of the box"));
  EXPECT_THAT(message({RootPart::root, 0}, EPERM), HasSubstr("can't prepare the box's root"));
}

}  // namespace
}  // namespace claudebox::runtime
