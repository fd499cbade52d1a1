#include "plan/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/path.h"
#include "fake_host.h"

namespace claudebox::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;

TEST(FindAgent, TakesTheFirstProgramOnThePathAndResolvesItsLinks) {
  claudebox::testing::FakeHost host;
  host.set("PATH", "/nowhere:/home/dev/.local/bin:/usr/bin")
      .program("/home/dev/.local/share/claude/versions/2.1.9")
      .symlink("/home/dev/.local/bin/claude", "../share/claude/versions/latest")
      .symlink("/home/dev/.local/share/claude/versions/latest", "2.1.9")
      .program("/usr/bin/claude");
  EXPECT_EQ(find_agent(host, default_agent()), "/home/dev/.local/share/claude/versions/2.1.9");
}

TEST(FindAgent, PassesOverDirectoriesDataFilesAndDanglingLinks) {
  claudebox::testing::FakeHost host;
  host.set("PATH", "/a:/b:/c:/usr/bin")
      .directory("/a/claude")
      .file("/b/claude")
      .symlink("/c/claude", "/gone")
      .program("/usr/bin/claude");
  EXPECT_EQ(find_agent(host, default_agent()), "/usr/bin/claude");
}

TEST(FindAgent, NeverTakesOneFromTheDirectoryThatTheCallerIsIn) {
  claudebox::testing::FakeHost host;
  host.at("/home/dev/project").program("/home/dev/project/claude").program("/claude");
  for (const std::string path : {":", ".", "", "./", "relative"}) {
    host.set("PATH", path);
    EXPECT_EQ(find_agent(host, default_agent()), std::nullopt) << path;
  }
}

TEST(FindAgent, GoesOnFromAShimToTheToolItself) {
  claudebox::testing::FakeHost host;
  host.set("PATH", "/home/dev/.volta/bin")
      .program("/home/dev/.volta/bin/volta-shim")
      .symlink("/home/dev/.volta/bin/claude", "volta-shim")
      .program("/home/dev/.volta/tools/image/packages/@anthropic-ai/claude-code/bin/claude");
  EXPECT_EQ(find_agent(host, default_agent()),
            "/home/dev/.volta/tools/image/packages/@anthropic-ai/claude-code/bin/claude");
}

TEST(FindAgent, KnowsTheInstallationThatOnlyAShellAliasLeadsTo) {
  claudebox::testing::FakeHost host;
  const std::string package = "/home/dev/.claude/local/node_modules/@anthropic-ai/claude-code";
  host.program(package + "/cli.js", "#!/usr/bin/env node\n")
      .symlink("/home/dev/.claude/local/node_modules/.bin/claude", "../@anthropic-ai/claude-code/cli.js");
  EXPECT_EQ(find_agent(host, default_agent()), package + "/cli.js");
}

TEST(AgentProgram, ANativeProgramIsOneFileEvenInANodePackage) {
  claudebox::testing::FakeHost host;
  const std::string program =
      "/home/dev/.nvm/versions/node/v22/lib/node_modules/@anthropic-ai/claude-code/bin/claude.exe";
  host.program(program);
  const auto mounts = agent_program_mounts(host, default_agent(), program);
  ASSERT_THAT(mounts, ElementsAre(Field(&Mount::target, program)));
  EXPECT_EQ(mounts[0].source, program);
  EXPECT_EQ(mounts[0].kind, Mount::Kind::read_only);
  EXPECT_EQ(mounts[0].purpose, Purpose::agent);
}

TEST(AgentProgram, AScriptBringsItsPackageAndTheNativePartsBesideIt) {
  claudebox::testing::FakeHost host;
  const std::string scope = "/opt/n/lib/node_modules/@anthropic-ai";
  host.program(scope + "/claude-code/cli.js", "#!/usr/bin/env node\n")
      .directory(scope + "/claude-code-linux-x64")
      .directory(scope + "/sdk");
  EXPECT_THAT(agent_program_mounts(host, default_agent(), scope + "/claude-code/cli.js"),
              ElementsAre(Field(&Mount::target, scope + "/claude-code"),
                          Field(&Mount::target, scope + "/claude-code-linux-x64")));
}

TEST(AgentProgram, AWrapperScriptOutsideAnyPackageIsOneFile) {
  claudebox::testing::FakeHost host;
  host.program("/opt/tools/claude", "#!/bin/sh\nexec claude-real\n");
  EXPECT_THAT(agent_program_mounts(host, default_agent(), "/opt/tools/claude"),
              ElementsAre(Field(&Mount::target, "/opt/tools/claude")));
}

TEST(Agents, AreToldApartByName) {
  EXPECT_EQ(default_agent().name, "claude");
  for (const auto& agent : agents()) {
    EXPECT_EQ(agent_named(agent.name), &agent);
    EXPECT_FALSE(agent.unattended_flags.empty()) << agent.name;
    EXPECT_FALSE(agent.login.variables.empty()) << agent.name;
    EXPECT_TRUE(agent.own_part) << agent.name;
    // A place is only found where it is called what the command is.
    for (const auto place : agent.usual_places) EXPECT_EQ(base::base_name(place), agent.command);
  }
  EXPECT_EQ(agent_named("codx"), nullptr);
  EXPECT_EQ(&agent_of({.agent = "codex"}), agent_named("codex"));
}

TEST(AgentCommand, FlagsComeFirst) {
  const Agent& codex = *agent_named("codex");
  EXPECT_THAT(agent_command(codex, "/c", {"exec", "hi"}),
              ElementsAre("/c", "--dangerously-bypass-approvals-and-sandbox", "exec", "hi"));
}

TEST(AgentCommand, OrBehindTheCommandThatTakesThem) {
  const Agent& opencode = *agent_named("opencode");
  EXPECT_THAT(agent_command(opencode, "/o", {}), ElementsAre("/o", "--auto"));
  EXPECT_THAT(agent_command(opencode, "/o", {"--continue"}), ElementsAre("/o", "--auto", "--continue"));
  EXPECT_THAT(agent_command(opencode, "/o", {"./api"}), ElementsAre("/o", "--auto", "./api"));
  EXPECT_THAT(agent_command(opencode, "/o", {"run", "fix it"}), ElementsAre("/o", "run", "--auto", "fix it"));
  EXPECT_THAT(agent_command(opencode, "/o", {"auth", "login"}), ElementsAre("/o", "auth", "login"))
      << "it refuses an option that the command doesn't have";
}

}  // namespace
}  // namespace claudebox::plan
