#include "other_agent.h"

namespace claudebox::plan {
namespace {

using ::testing::HasSubstr;

class Opencode : public OtherAgent {
 protected:
  Opencode() : OtherAgent("opencode") {}
};

TEST_F(Opencode, ConfigurationComesInWithoutKeysButWithNamesOfVariables) {
  host.file("/home/dev/.config/opencode/opencode.jsonc", R"({// mine
      "provider": {"a": {"options": {"apiKey": "FAKE", "baseURL": "http://x"}},
                   "b": {"options": {"apiKey": "{env:B_KEY}"}}, "c": {"options": {"apiKey": "{env:B}FAKE"}}}})");
  host.file("/home/dev/.config/opencode/tui.json", R"({"theme": "t"})");
  run();
  const auto made = state(".config/opencode/opencode.jsonc", StateFile::Policy::json_override);
  EXPECT_EQ(made["provider"]["a"]["options"]["baseURL"], "http://x");
  EXPECT_EQ(made["provider"]["b"]["options"]["apiKey"], "{env:B_KEY}");
  for (const std::string name : {"a", "c"})
    EXPECT_FALSE(made["provider"][name]["options"].contains("apiKey"));
  EXPECT_EQ(state(".config/opencode/tui.json", StateFile::Policy::json_override)["theme"], "t");
}

TEST_F(Opencode, WithoutAMemoryOfItsOwnItReadsClaudesLikeOnTheHost) {
  const std::string memory = "/home/dev/.config/opencode/AGENTS.md";
  host.file("/home/dev/.claude/CLAUDE.md", "Claude's.");
  run();
  EXPECT_THAT(content(memory), ::testing::StartsWith("Claude's.\n\n# You run in a sandbox"));
  host.file(memory, "Its own.");
  plan.mounts.clear();
  run();
  EXPECT_THAT(content(memory), ::testing::StartsWith("Its own.\n"));
}

TEST_F(Opencode, WhatIsNoJsonStaysOutWithANote) {
  host.file("/home/dev/.config/opencode/opencode.json", "{broken");
  run();
  EXPECT_TRUE(state(".config/opencode/opencode.json", StateFile::Policy::json_override).is_null());
  EXPECT_THAT(notes(), HasSubstr("opencode.json is not a JSON object"));
}

TEST_F(Opencode, TheUsersTextIsShownAndItsLoginIsNot) {
  for (const std::string name : {"agent/a.md", "command/c.md", "plugin/p.js", "node_modules/x/y"})
    host.file("/home/dev/.config/opencode/" + name);
  host.file("/home/dev/.local/share/opencode/auth.json")
      .symlink("/home/dev/.config/opencode/skill", "/home/dev/.local/share/opencode");
  run();
  EXPECT_THAT(shown(), ::testing::UnorderedElementsAre("/home/dev/.config/opencode/agent",
                                                       "/home/dev/.config/opencode/command",
                                                       "/home/dev/.config/opencode/plugin"));
  EXPECT_EQ(variable("OPENCODE_DISABLE_AUTOUPDATE"), "1");
  EXPECT_EQ(variable("XDG_CONFIG_HOME"), "(unset)");
}

}  // namespace
}  // namespace claudebox::plan
