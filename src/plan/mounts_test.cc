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
  for (const std::string target :
       {"/", "/home/dev", "/proc", "/usr", "/etc", "/lib64", "/srv/../usr/", "/dev/null",
        "/home/dev/src/app/.envrc", "/home/dev/src", "/home/dev/src/app"}) {
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

TEST(ExtraMounts, MayLieInEachOtherAndInTheProjectWhereThereIsAPlace) {
  auto host = debian();
  host.directory("/home/dev/a").directory("/home/dev/a/sub").directory("/home/dev/b");
  auto request = run_true();
  request.mounts = {{"/home/dev/b", "/data/sub", false, {}},
                    {"/home/dev/a", "/data", false, {}},
                    {"/home/dev/b", "/home/dev/src/app/vendor", false, {}}};
  const Plan plan = must_plan(host, request);
  // The outer one first, or it would hide the inner one.
  EXPECT_LT(mount_on(plan, "/data"), mount_on(plan, "/data/sub"));
  EXPECT_TRUE(mount_on(plan, "/home/dev/src/app/vendor"));
  request.mounts[0].target = "/data/none";
  EXPECT_THAT(must_refuse(host, request).message, HasSubstr("/data is read-only and has no such name"));
}

// bwrap would make the missing names on the host, or fail without a word that helps.
TEST(ExtraMounts, HideNothingThatTheBoxNeeds) {
  auto host = debian();
  host.directory("/home/dev/a");
  auto request = run_true();
  for (const bool writable : {false, true}) {
    request.mounts = {{"/home/dev/a", "/var", writable, {}}};
    EXPECT_THAT(must_refuse(host, request).message, HasSubstr("can't mount on /var: the box needs /var/tmp"));
  }
}

TEST(ExtraMounts, MoreThanBubblewrapTakesIsAnErrorThatSaysSo) {
  auto host = debian();
  auto request = run_true();
  for (int i = 0; i < 10'000; ++i) {
    const std::string path = "/srv/many/" + std::to_string(i);
    host.directory(path);
    request.mounts.push_back({path, "", false, {}});
    if (i == 1000) {
      EXPECT_TRUE(mount_on(must_plan(host, request), path));
    }
  }
  const auto problem = must_refuse(host, request);
  EXPECT_THAT(problem.message, HasSubstr("bubblewrap takes at most"));
  EXPECT_THAT(problem.hint, HasSubstr("10000 mounts"));
}

}  // namespace
}  // namespace claudebox::plan
