#include <gmock/gmock.h>

#include "planned_host.h"

namespace claudebox::plan {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;

TEST(BuildPlan, IsTheSameForTheSameHost) {
  EXPECT_EQ(must_plan(debian()), must_plan(debian()));
}

// BOX-1: nothing but what the plan mounts; home and /run are the box's own.
TEST(BuildPlan, MountsNothingOfHomeButTheProject) {
  auto host = debian();
  host.file("/home/dev/.ssh/id_ed25519").file("/home/dev/.aws/credentials").directory("/home/dev/src/other");
  for (const auto& mount : must_plan(host).mounts) {
    if (!mount.is_bind()) continue;
    EXPECT_FALSE(base::is_within(mount.source, "/home/dev/.ssh")) << mount.source;
    EXPECT_FALSE(base::is_within("/home/dev/.ssh", mount.source)) << mount.source;
    EXPECT_FALSE(base::is_within("/home/dev/src/other", mount.source)) << mount.source;
    if (mount.kind == Mount::Kind::writable) {
      EXPECT_TRUE(mount.source == "/home/dev/src/app" ||
                  base::is_within(mount.source, "/home/dev/.claudebox"));
    }
  }
}

TEST(BuildPlan, ParentsAreMountedBeforeChildren) {
  const Plan plan = must_plan(debian());
  for (std::size_t i = 0; i < plan.mounts.size(); ++i)
    for (std::size_t j = i + 1; j < plan.mounts.size(); ++j)
      EXPECT_FALSE(base::is_within(plan.mounts[i].target, plan.mounts[j].target))
          << plan.mounts[i].target << " before " << plan.mounts[j].target;
}

TEST(Notes, RootIsToldAboutNestedSandboxes) {
  auto host = debian();
  host.identity_.uid = 0;
  host.identity_.sudo_uid = 1000;
  host.directory("/proc/sys");
  const Plan plan = must_plan(host);
  EXPECT_THAT(plan.notes, Contains(Field(&Note::text, HasSubstr("sandbox of the agent's own can't start"))));
  EXPECT_THAT(plan.notes, Contains(Field(&Note::text, HasSubstr("sudo"))));
}

TEST(Notes, FullWithoutLandlockSaysSo) {
  auto host = debian();
  host.landlock_abi_ = 5;
  EXPECT_THAT(must_plan(host, run_true(Tier::full)).notes,
              Contains(Field(&Note::text, HasSubstr("abstract sockets"))));
  EXPECT_FALSE(must_plan(host, run_true(Tier::full)).scope_abstract_sockets);
}

}  // namespace
}  // namespace claudebox::plan
