#include "other_agent.h"

namespace claudebox::plan {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Codex : public OtherAgent {
 protected:
  Codex() : OtherAgent("codex") {}
  std::string configuration() {
    run();
    return content("/etc/codex/config.toml");
  }
};

TEST_F(Codex, ItsConfigurationTrustsTheProjectAndStartsNoDaemon) {
  plan.project.root = R"(/home/dev/a "quoted" \\name)";
  EXPECT_THAT(configuration(), AllOf(HasSubstr("check_for_update_on_startup = false\n"),
                                     HasSubstr("[features]\ndaemon_auto_start = false\n"),
                                     HasSubstr("[projects.\"/home/dev/main\"]\ntrust_level = \"trusted\"\n"),
                                     HasSubstr(R"([projects."/home/dev/a \"quoted\" \\\\name"])")));
  EXPECT_EQ(variable("CODEX_HOME"), "/home/dev/.codex");
}

TEST_F(Codex, SimpleChoicesComeInFromTheUsersConfigurationAndNothingElse) {
  host.file("/home/dev/.codex/config.toml", R"(model = "gpt-5"
  model_reasoning_effort='high'   
model_verbosity = "low" # not this one
personality = "sk-fake0123456789"
api_key = "sk-fake0123456789"
service_tier = "a\"b"
[profiles.x]
model = "other"
)");
  EXPECT_THAT(configuration(), AllOf(HasSubstr("model = \"gpt-5\"\nmodel_reasoning_effort = \"high\"\n"),
                                     Not(HasSubstr("sk-fake")), Not(HasSubstr("other")),
                                     Not(HasSubstr("service_tier")), Not(HasSubstr("verbosity"))));
}

TEST_F(Codex, WhatOnlyLooksLikeAChoiceIsNone) {
  host.file("/home/dev/.codex/config.toml", "developer_instructions = \"\"\"\nmodel = \"evil\"\n\"\"\"\n");
  EXPECT_THAT(configuration(), Not(HasSubstr("evil")));
}

TEST_F(Codex, TheUsersTextIsShownOneSkillAtATime) {
  for (const std::string name : {"skills/mine/SKILL.md", "skills/.system/x/SKILL.md", "prompts/zap.md",
                                 "auth.json", "config.toml", "sessions/x.jsonl", "history.jsonl"})
    host.file("/home/dev/.codex/" + name, "x");
  host.file("/home/dev/.agents/skills/shared/SKILL.md");
  host.file("/home/dev/.codex/AGENTS.md", "Mine.");
  run();
  EXPECT_THAT(shown(),
              ::testing::UnorderedElementsAre("/home/dev/.codex/skills/mine", "/home/dev/.codex/prompts",
                                              "/home/dev/.agents/skills"));
  EXPECT_THAT(content("/home/dev/.codex/AGENTS.md"),
              ::testing::StartsWith("Mine.\n\n# You run in a sandbox"));
}

TEST_F(Codex, NoLinkBringsInItsLogin) {
  host.file("/home/dev/.codex/auth.json", "FAKE")
      .symlink("/home/dev/.codex/AGENTS.md", "auth.json")
      .symlink("/home/dev/.codex/prompts", "/home/dev/.codex")
      .symlink("/home/dev/.codex/rules", "sessions")
      .directory("/home/dev/.codex/sessions");
  run();
  EXPECT_THAT(shown(), ::testing::IsEmpty());
  EXPECT_THAT(content("/home/dev/.codex/AGENTS.md"), Not(HasSubstr("FAKE")));
}

TEST_F(Codex, AMachinesOwnConfigurationAndPolicyStay) {
  host.file("/etc/codex/config.toml", "model = 'x'")
      .file("/etc/codex/requirements.toml", "allowed_sandbox_modes = ['read-only']");
  run();
  EXPECT_THAT(shown(),
              ::testing::UnorderedElementsAre("/etc/codex/config.toml", "/etc/codex/requirements.toml"));
  EXPECT_THAT(notes(), AllOf(HasSubstr("/etc/codex/config.toml is used as it is"),
                             HasSubstr("/etc/codex/requirements.toml) may forbid")));
}

TEST_F(Codex, MemorySaysWhereItsOwnThingsAre) {
  run();
  EXPECT_THAT(content("/home/dev/.codex/AGENTS.md"),
              AllOf(HasSubstr("skills, prompts, rules and AGENTS.md in\n`~/.codex`"),
                    HasSubstr("`.agents/skills/`"), HasSubstr("`claudebox --agent codex --mount PATH[:rw]`"),
                    HasSubstr("`-- resume --last`"), Not(HasSubstr("~/.claude"))));
}

}  // namespace
}  // namespace claudebox::plan
