#include <gmock/gmock.h>

#include "planned_host.h"

namespace claudebox::plan {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// BOX-2
TEST(Project, IsRefusedWhereItWouldGiveTheHostAway) {
  for (const std::string directory :
       {"/", "/home", "/home/dev", "/usr/src/linux", "/etc", "/tmp", "/var", "/opt", "/home/dev/.ssh",
        "/home/dev/.claude/skills", "/home/dev/.codex", "/home/dev/.gemini/x", "/home/dev/.config/opencode",
        "/proc/1", "/home/dev/.claudebox/instances/0123456789abcdef/home"}) {
    auto host = debian();
    host.at(directory);
    const auto problem = must_refuse(host);
    EXPECT_THAT(problem.message, HasSubstr("can't be the project")) << directory;
    EXPECT_EQ(problem.exit, base::ExitCode::usage);
    EXPECT_FALSE(problem.hint.empty());
  }
}

TEST(Project, MayLieBelowSharedDirectories) {
  for (const std::string directory : {"/tmp/x", "/opt/work", "/srv/app", "/var/www", "/home/dev/a b'\"\n"}) {
    auto host = debian();
    host.at(directory);
    EXPECT_EQ(must_plan(host).project.root, directory);
  }
}

TEST(Project, AHomeKeptInGitGivesOnlyTheDirectory) {
  auto host = debian();
  host.directory("/home/dev/.git/objects")
      .directory("/home/dev/.git/refs")
      .file("/home/dev/.git/HEAD", "ref: refs/heads/main\n");
  host.file("/home/dev/.git/config");
  const Plan plan = must_plan(host);
  EXPECT_EQ(plan.project.root, "/home/dev/src/app");
  EXPECT_THAT(plan.notes, Contains(Field(&Note::text, HasSubstr("can't be the project"))));
}

TEST(Project, StartsWhereTheUserStands) {
  auto host = debian();
  host.directory("/home/dev/src/app/.git/objects").directory("/home/dev/src/app/.git/refs");
  host.file("/home/dev/src/app/.git/HEAD", "ref: refs/heads/main\n").file("/home/dev/src/app/.git/config");
  host.at("/home/dev/src/app/lib/deep");
  const Plan plan = must_plan(host);
  EXPECT_EQ(plan.project.root, "/home/dev/src/app");
  EXPECT_EQ(plan.project.directory, "/home/dev/src/app/lib/deep");
}

TEST(Project, ThatMayNotBeWrittenIsReadOnlyInTheBox) {
  auto host = debian();
  host.read_only("/home/dev/src/app");
  const Plan plan = must_plan(host);
  EXPECT_EQ(mount_on(plan, "/home/dev/src/app")->kind, Mount::Kind::read_only);
  EXPECT_THAT(plan.stubs, IsEmpty());
}

TEST(Project, OptionNamesADirectoryThatExists) {
  auto request = run_true();
  request.project = "/home/dev/nowhere";
  EXPECT_THAT(must_refuse(debian(), request).message, HasSubstr("no such project directory"));
  request.project = "~/src/app";
  EXPECT_EQ(must_plan(debian(), request).project.root, "/home/dev/src/app");
}

// INST-1
TEST(InstanceId, IsMadeFromUserAndRoot) {
  const Plan plan = must_plan(debian());
  EXPECT_EQ(plan.instance.id.size(), 16U);
  EXPECT_EQ(plan.instance.home, "/home/dev/.claudebox/instances/" + plan.instance.id + "/home");
  auto other_user = debian();
  other_user.identity_.uid = 1001;
  EXPECT_NE(must_plan(other_user).instance.id, plan.instance.id);
  auto elsewhere = debian();
  elsewhere.at("/home/dev/src/other");
  EXPECT_NE(must_plan(elsewhere).instance.id, plan.instance.id);
}

TEST(InstanceId, OfASymlinkedProjectIsTheTargets) {
  auto host = debian();
  host.symlink("/home/dev/app", "src/app");
  auto request = run_true();
  request.project = "/home/dev/app";
  EXPECT_EQ(must_plan(host, request).instance.id, must_plan(debian()).instance.id);
}

TEST(InstanceId, NamedInstancesLieBeside) {
  auto request = run_true();
  request.instance = "second";
  EXPECT_EQ(must_plan(debian(), request).instance.id, must_plan(debian()).instance.id + "-second");
  for (const std::string name : {"", "a/b", "..", "with space", "x\ny"}) {
    request.instance = name;
    EXPECT_THAT(must_refuse(debian(), request).message, HasSubstr("not a name for an instance")) << name;
  }
}

}  // namespace
}  // namespace claudebox::plan
