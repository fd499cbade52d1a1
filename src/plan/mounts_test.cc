#include <gmock/gmock.h>

#include "planned_host.h"

namespace claudebox::plan {
namespace {

using ::testing::HasSubstr;

TEST(ExtraMounts, MissingSourceIsAnError) {
  auto request = run_true();
  request.mounts = {{"/home/dev/none", "", false, {}}, {"/home/dev/none2", "", false, {}}};
  base::Diagnostics problems;
  EXPECT_FALSE(build(request, debian(), problems).has_value());
  EXPECT_EQ(problems.items().size(), 2U);  // all of them at once
  EXPECT_EQ(problems.exit(), base::ExitCode::setup);
}

TEST(ExtraMounts, MayNotLiftAProtectionOrReplaceTheBox) {
  auto host = debian();
  host.directory("/home/dev/data").file("/home/dev/src/app/.envrc", "x");
  for (const std::string target : {"/", "/home/dev", "/proc", "/dev/null", "/home/dev/src/app/.envrc",
                                   "/home/dev/src", "/home/dev/src/app"}) {
    auto request = run_true();
    request.mounts = {{"/home/dev/data", target, true, {}}};
    EXPECT_THAT(must_refuse(host, request).message, HasSubstr("can't mount on")) << target;
  }
}

TEST(ExtraMounts, NeedAPlace) {
  auto host = debian();
  host.directory("/home/dev/data");
  auto request = run_true();
  request.mounts = {{"/home/dev/data", "/usr/share/none", false, {}}};
  EXPECT_THAT(must_refuse(host, request).message, HasSubstr("is read-only and has no such name"));
  request.mounts = {{"/home/dev/data", "/data", false, {}}};
  EXPECT_EQ(mount_on(must_plan(host, request), "/data")->source, "/home/dev/data");
}

TEST(ExtraMounts, TwoOnOneTargetAreAnError) {
  auto host = debian();
  host.directory("/home/dev/a").directory("/home/dev/b");
  auto request = run_true();
  request.mounts = {{"/home/dev/a", "/data", false, {}}, {"/home/dev/b", "/data", false, {}}};
  EXPECT_THAT(must_refuse(host, request).message, HasSubstr("two mounts on /data"));
}

TEST(ExtraMounts, ALinkIsMountedWhereItWasNamed) {
  auto host = debian();
  host.directory("/srv/data").symlink("/home/dev/data", "/srv/data");
  auto request = run_true();
  request.mounts = {{"~/data", "", false, {}}};
  const Plan plan = must_plan(host, request);
  EXPECT_EQ(mount_on(plan, "/home/dev/data")->source, "/srv/data");
}

}  // namespace
}  // namespace claudebox::plan
