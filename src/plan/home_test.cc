#include <gmock/gmock.h>

#include "planned_host.h"

namespace claudebox::plan {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// BOX-4
TEST(Home, ToolsOnPathAreVisibleWithoutTheirCredentials) {
  auto host = debian();
  host.program("/home/dev/.cargo/bin/cargo").file("/home/dev/.cargo/credentials.toml", "token");
  host.program("/home/dev/.nvm/versions/node/v20/bin/node").file("/home/dev/.nvm/.npmrc", "token");
  host.set("PATH", "/home/dev/.cargo/bin:/home/dev/.nvm/versions/node/v20/bin:/usr/bin:/bin");
  const Plan plan = must_plan(host);
  EXPECT_EQ(mount_on(plan, "/home/dev/.cargo/bin")->kind, Mount::Kind::read_only);
  EXPECT_EQ(mount_on(plan, "/home/dev/.nvm/versions")->kind, Mount::Kind::read_only);
  for (const auto& mount : plan.mounts) {
    EXPECT_NE(mount.source, "/home/dev/.cargo");
    EXPECT_NE(mount.source, "/home/dev/.nvm");
  }
  EXPECT_THAT(value_of(plan, "PATH"), HasSubstr("/home/dev/.nvm/versions/node/v20/bin"));
}

TEST(Home, CredentialsInsideAToolDirectoryAreCovered) {
  auto host = debian();
  host.program("/home/dev/.npm-global/bin/x")
      .file("/home/dev/.npm-global/.npmrc", "//registry/:_authToken=x");
  host.set("PATH", "/home/dev/.npm-global/bin:/usr/bin");
  const Plan plan = must_plan(host);
  ASSERT_NE(mount_on(plan, "/home/dev/.npm-global/.npmrc"), nullptr);
  EXPECT_EQ(mount_on(plan, "/home/dev/.npm-global/.npmrc")->kind, Mount::Kind::file);
  EXPECT_EQ(mount_on(plan, "/home/dev/.npm-global/.npmrc")->content, "");
}

TEST(Home, PathEntriesThatAreNoToolsStayOutside) {
  auto host = debian();
  host.directory("/home/dev/.ssh").directory("/home/dev/.config/x/bin");
  host.set("PATH", "/home/dev:/home/dev/.ssh:/home/dev/.config/x/bin:.:relative::/usr/bin:/bin");
  const Plan plan = must_plan(host);
  EXPECT_EQ(mount_on(plan, "/home/dev/.ssh"), nullptr);
  EXPECT_EQ(mount_on(plan, "/home/dev/.config/x/bin"), nullptr);
  EXPECT_EQ(mount_on(plan, "/home/dev")->source, plan.instance.home);
  EXPECT_THAT(value_of(plan, "PATH"), Not(HasSubstr("relative")));
}

TEST(Home, ProgramsInTheProjectStayWritable) {
  auto host = debian();
  host.program("/home/dev/src/app/.venv/bin/python");
  host.set("PATH", "/home/dev/src/app/.venv/bin:/usr/bin:/bin");
  EXPECT_EQ(mount_on(must_plan(host), "/home/dev/src/app/.venv/bin"), nullptr);
  EXPECT_THAT(value_of(must_plan(host), "PATH"), HasSubstr("/home/dev/src/app/.venv/bin"));
}

TEST(Home, LinkedToolsBringTheirDirectory) {
  auto host = debian();
  host.program("/home/dev/.local/share/uv/tools/ruff/bin/ruff");
  host.symlink("/home/dev/.local/bin/ruff", "/home/dev/.local/share/uv/tools/ruff/bin/ruff");
  host.file("/home/dev/.local/share/keyrings/login.keyring")
      .set("PATH", "/home/dev/.local/bin:/usr/bin:/bin");
  const Plan plan = must_plan(host);
  EXPECT_NE(mount_on(plan, "/home/dev/.local/share/uv"), nullptr);
  EXPECT_EQ(mount_on(plan, "/home/dev/.local/share/keyrings"), nullptr);
}

TEST(Home, SymlinkedHomeKeepsItsSpelling) {
  auto host = debian();
  host.directory("/data/dev").symlink("/home/me", "/data/dev").set("HOME", "/home/me");
  host.identity_.home = "/home/me";
  const Plan plan = must_plan(host);
  EXPECT_EQ(plan.user_home, "/data/dev");
  EXPECT_EQ(mount_on(plan, "/home/me")->kind, Mount::Kind::symlink);
  EXPECT_EQ(value_of(plan, "HOME"), "/home/me");
}

}  // namespace
}  // namespace claudebox::plan
