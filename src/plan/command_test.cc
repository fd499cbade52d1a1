#include <gmock/gmock.h>

#include "planned_host.h"

namespace claudebox::plan {
namespace {

using ::testing::HasSubstr;

TEST(Command, IsFoundAlongThePathOfTheBox) {
  EXPECT_EQ(must_plan(debian()).command.argv.front(), "/usr/bin/true");
}

TEST(Command, MissingOneSaysWhereTheHostHasIt) {
  auto host = debian();
  host.program("/srv/tools/frob").set("PATH", "/srv/tools:/usr/bin");
  auto request = run_true();
  request.arguments = {"frob"};
  const auto problem = must_refuse(host, request);
  EXPECT_EQ(problem.exit, base::ExitCode::command_not_found);
  EXPECT_THAT(problem.hint, HasSubstr("--mount /srv/tools"));
}

TEST(Command, ThatCantBeExecutedIs126) {
  auto host = debian();
  host.file("/home/dev/src/app/notes.txt").directory("/home/dev/src/app/dir");
  host.program("/home/dev/src/app/script", "#!/opt/none/python\n");
  for (const std::string name : {"./notes.txt", "./dir", "./script"}) {
    auto request = run_true();
    request.arguments = {name};
    EXPECT_EQ(must_refuse(host, request).exit, base::ExitCode::cannot_execute) << name;
  }
}

TEST(Command, ShellIsTheUsersWhereTheBoxHasIt) {
  auto request = run_true();
  request.action = Action::shell;
  request.arguments.clear();
  EXPECT_EQ(must_plan(debian(), request).command.argv.front(), "/bin/bash");
  auto host = debian();
  host.identity_.shell = "/home/dev/fancy/shell";
  host.program("/home/dev/fancy/shell");
  EXPECT_EQ(must_plan(host, request).command.argv.front(), "/bin/bash");
}

TEST(Command, NoAgentSaysHowToInstallOne) {
  Request request;
  request.network.value = Tier::offline;
  const auto problem = must_refuse(debian(), request);
  EXPECT_EQ(problem.exit, base::ExitCode::command_not_found);
  EXPECT_THAT(problem.hint, HasSubstr("install"));
}

}  // namespace
}  // namespace claudebox::plan
