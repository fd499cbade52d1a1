#include "other_agent.h"

namespace claudebox::plan {
namespace {

using ::testing::HasSubstr;

class Gemini : public OtherAgent {
 protected:
  Gemini() : OtherAgent("gemini") {}
  nlohmann::json settings(StateFile::Policy policy) { return state(".gemini/settings.json", policy); }
};

TEST_F(Gemini, SettingsComeInWithoutSecretsAndUpdatesAreOff) {
  host.file(
      "/home/dev/.gemini/settings.json",
      R"({"ui": {"theme": "x"}, "security": {"disableYoloMode": true, "auth": {"selectedType": "oauth-personal"}},
                "mcpServers": {"s": {"command": "s", "env": {"S_TOKEN": "FAKE"}}}})");
  run();
  const auto made = settings(StateFile::Policy::json_override);
  EXPECT_EQ(made["ui"]["theme"], "x");
  EXPECT_EQ(made["security"]["auth"]["selectedType"], "oauth-personal");
  EXPECT_EQ(made["security"]["disableYoloMode"], false);
  EXPECT_EQ(made["general"]["enableAutoUpdate"], false);
  EXPECT_FALSE(made["mcpServers"]["s"]["env"].contains("S_TOKEN"));
}

TEST_F(Gemini, ALoginThatIsPassedInIsNotAskedFor) {
  run();
  EXPECT_TRUE(settings(StateFile::Policy::json_defaults).is_null());
  const auto chosen = [&](const std::string& name, const std::string& value) {
    plan.env = {{.name = name, .value = value}};
    plan.state.clear();
    run();
    return settings(StateFile::Policy::json_defaults)["security"]["auth"]["selectedType"];
  };
  EXPECT_EQ(chosen("GEMINI_API_KEY", "fake"), "gemini-api-key");
  EXPECT_EQ(chosen("GOOGLE_GENAI_USE_VERTEXAI", "true"), "vertex-ai");
}

TEST_F(Gemini, ItIsTrustedAndKnowsThatItIsInASandbox) {
  host.set("GEMINI_MODEL", "m").set("GEMINI_API_KEY", "fake").set("GOOGLE_CLOUD_PROJECT", "p");
  run();
  EXPECT_EQ(variable("GEMINI_CLI_TRUST_WORKSPACE"), "true");
  EXPECT_EQ(variable("SANDBOX"), "claudebox");
  EXPECT_EQ(variable("GEMINI_MODEL"), "m");
  EXPECT_EQ(variable("GOOGLE_CLOUD_PROJECT"), "p");
  EXPECT_EQ(variable("GEMINI_API_KEY"), "(unset)");
}

TEST_F(Gemini, AMovedHomeIsShownAtTheBoxsOwn) {
  host.set("GEMINI_CLI_HOME", "/home/dev/conf").file("/home/dev/conf/.gemini/GEMINI.md", "Moved.");
  host.directory("/home/dev/conf/.gemini/commands").file("/home/dev/conf/.gemini/oauth_creds.json");
  run();
  EXPECT_THAT(shown(), ::testing::ElementsAre("/home/dev/.gemini/commands"));
  EXPECT_THAT(content("/home/dev/.gemini/GEMINI.md"), ::testing::StartsWith("Moved.\n"));
  EXPECT_EQ(variable("GEMINI_CLI_HOME"), "(unset)") << "it names a directory around the state";
}

TEST_F(Gemini, APolicyIsObeyedInABoxToo) {
  host.file("/etc/gemini-cli/settings.json", R"({"security": {"disableYoloMode": true}})");
  run();
  EXPECT_THAT(shown(), ::testing::ElementsAre("/etc/gemini-cli/settings.json"));
  EXPECT_THAT(notes(), HasSubstr("may forbid running without permission prompts"));
}

}  // namespace
}  // namespace claudebox::plan
