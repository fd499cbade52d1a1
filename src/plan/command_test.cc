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

Request agent_in_allowlist(const std::string& agent, const std::string& allowed) {
  Request request;
  request.agent = agent;
  request.network.value = Tier::allowlist;
  request.allow = {{allowed, {}}};
  return request;
}

TEST(Command, AnAgentWhoseHostsAreNotAllowedIsWorthANote) {
  auto host = debian();
  host.program("/usr/bin/codex").program("/usr/bin/slirp4netns");
  host.other("/dev/net/tun", sys::FileKind::device);
  const auto talks = ::testing::Contains(
      ::testing::Field(&Note::text, "codex talks to api.openai.com or chatgpt.com, which no --allow names"));
  EXPECT_THAT(must_plan(host, agent_in_allowlist("codex", "pypi.org")).notes, talks);
  for (const std::string allowed : {"chatgpt.com", "*.openai.com"})
    EXPECT_THAT(must_plan(host, agent_in_allowlist("codex", allowed)).notes, ::testing::Not(talks))
        << allowed;
  auto elsewhere = agent_in_allowlist("codex", "pypi.org");
  elsewhere.env = {{"OPENAI_BASE_URL", "https://llm.corp.example/v1", {}}};
  EXPECT_THAT(must_plan(host, elsewhere).notes, ::testing::Not(talks));
  auto command = agent_in_allowlist("codex", "pypi.org");
  command.action = Action::command;
  command.arguments = {"true"};
  EXPECT_THAT(must_plan(host, command).notes, ::testing::Not(talks));
}

TEST(Command, AnAgentRunsWithItsPromptsOff) {
  auto host = debian();
  host.program("/usr/bin/opencode");
  auto request = run_true();
  request.action = Action::agent;
  request.agent = "opencode";
  request.arguments = {"run", "hi"};
  const Plan plan = must_plan(host, request);
  EXPECT_THAT(plan.command.argv, ::testing::ElementsAre("/usr/bin/opencode", "run", "--auto", "hi"));
  EXPECT_EQ(plan.command.display, "opencode run --auto hi");
  EXPECT_EQ(plan.agent, "opencode");
}

}  // namespace
}  // namespace claudebox::plan
