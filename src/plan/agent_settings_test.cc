#include "plan/agent_settings.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "plan/agent.h"

namespace claudebox::plan {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using nlohmann::json;

json filtered(const std::string& text) {
  const auto result = filtered_settings(text);
  return result ? json::parse(*result) : json("not an object");
}

TEST(FilteredSettings, DropsWhatRunsACredentialHelperOrAsksForALogin) {
  EXPECT_EQ(filtered(R"({"apiKeyHelper": "pass show anthropic", "awsAuthRefresh": "aws sso login",
                         "awsCredentialExport": "aws x", "gcpAuthRefresh": "gcloud auth login",
                         "otelHeadersHelper": "/bin/h", "proxyAuthHelper": "/bin/p",
                         "forceLoginMethod": "claudeai", "forceLoginOrgUUID": "u", "model": "opus"})"),
            json({{"model", "opus"}}));
}

TEST(FilteredSettings, DropsSecretVariablesAndKeepsTheOthers) {
  EXPECT_EQ(filtered(R"({"env": {"ANTHROPIC_API_KEY": "fake", "GITHUB_TOKEN": "fake", "DB_PASSWORD": "x y",
                         "MY_SETTING": "ghp_fakefakefakefake", "SITE": "https://u:p@example.org/x",
                         "ANTHROPIC_CUSTOM_HEADERS": "X-Org: 1a", "JWT": "eyJfake.eyJfake.fake",
                         "CERT": "-----BEGIN PRIVATE KEY-----", "MAX_THINKING_TOKENS": "32000",
                         "CLAUDE_CODE_USE_BEDROCK": "1", "PROXY": "https://example.org:8080/a@b",
                         "EDITOR": "vim", "CLAUDE_CONFIG_DIR": "/elsewhere"}})"),
            json::parse(R"({"env": {"MAX_THINKING_TOKENS": "32000", "CLAUDE_CODE_USE_BEDROCK": "1",
                            "PROXY": "https://example.org:8080/a@b", "EDITOR": "vim"}})"));
}

TEST(FilteredSettings, FindsSecretsAtEveryDepth) {
  EXPECT_EQ(filtered(R"({"pluginConfigs": {"p@m": {"options": {"apiKey": "fake", "region": "eu"}}},
                         "deep": [[{"authToken": "fake"}, "sk-ant-fakefakefake", "plain"]]})"),
            json::parse(R"({"pluginConfigs": {"p@m": {"options": {"region": "eu"}}}, "deep": [["plain"]]})"));
}

TEST(FilteredSettings, AHookThatHoldsASecretGoesWholeAndTheOthersStay) {
  EXPECT_EQ(filtered(R"({"hooks": {"Stop": [{"hooks": [
                           {"type": "command", "command": "curl -H 'Authorization: Bearer fakefake' x"},
                           {"type": "command", "command": "curl -H \"Authorization: Bearer $T\" x"},
                           {"type": "command", "command": "~/.claude/hooks/done.sh"}]}]},
                         "statusLine": {"type": "command", "command": "line --key sk-fakefakefake"}})"),
            json::parse(R"({"hooks": {"Stop": [{"hooks": [
                              {"type": "command", "command": "curl -H \"Authorization: Bearer $T\" x"},
                              {"type": "command", "command": "~/.claude/hooks/done.sh"}]}]}})"));
}

TEST(FilteredSettings, KeepsWhatOnlyLooksAlike) {
  const std::string harmless = R"json({
      "permissions": {"allow": ["Bash(git commit:*)", "Bash(task-list --keyboard)"],
                      "deny": ["Read(./.env)", "Read(~/.ssh/**)"]},
      "theme": "dark", "includeCoAuthoredBy": false, "cleanupPeriodDays": 30,
      "enabledPlugins": {"x@y": true}, "outputStyle": "Explanatory", "sandbox": {"enabled": true}})json";
  EXPECT_EQ(filtered(harmless), json::parse(harmless));
}

TEST(FilteredSettings, StartingABoxIsTheConsentThatThisSettingWithholds) {
  EXPECT_EQ(filtered(R"({"permissions": {"disableBypassPermissionsMode": "disable", "deny": ["WebFetch"]}})"),
            json::parse(R"({"permissions": {"deny": ["WebFetch"]}})"));
}

TEST(FilteredSettings, TakesOnlyAnObjectAndForgivesComments) {
  EXPECT_EQ(filtered("// mine\n{\"model\": /* big */ \"opus\"}"), json({{"model", "opus"}}));
  for (const std::string text : {"", "[]", "3", "{\"a\": ", "nul", "\"x\"", "{} {}"})
    EXPECT_EQ(filtered_settings(text), std::nullopt) << text;
  EXPECT_EQ(filtered_settings(std::string(100'000, '[')), std::nullopt);
  EXPECT_NE(filtered_settings("{\"x\": \"\xff\xfe\", \"y\": 1}").value_or("{}"), "");
}

TEST(BoxSettings, AddsTheConsentToRunUnattendedToTheUsersOwn) {
  EXPECT_EQ(json::parse(box_settings(R"({"model": "opus"})", true)),
            json::parse(R"({"model": "opus", "skipDangerousModePermissionPrompt": true})"));
  EXPECT_EQ(json::parse(box_settings(std::nullopt, true)),
            json::parse(R"({"skipDangerousModePermissionPrompt": true})"));
  EXPECT_EQ(json::parse(box_settings("not json", true)),
            json::parse(R"({"skipDangerousModePermissionPrompt": true})"));
}

TEST(BoxSettings, SwitchesTheAgentsOwnSandboxOffWhereItCannotStart) {
  const auto settings = json::parse(box_settings(R"({"sandbox": {"enabled": true, "x": 1}})", false));
  EXPECT_EQ(settings["sandbox"], json::parse(R"({"enabled": false, "x": 1})"));
  EXPECT_EQ(json::parse(box_settings(R"({"sandbox": 3})", false))["sandbox"], json({{"enabled", false}}));
}

TEST(FirstRunState, TakesPreferencesOfTheUserAndNothingElse) {
  const auto state = json::parse(first_run_state(
      "2.1.9", R"({"editorMode": "vim", "theme": "light", "oauthAccount": {"emailAddress": "x"},
                   "projects": {"/other": {}}, "mcpServers": {"s": {"env": {"T": "fake"}}}, "verbose": {}})"));
  EXPECT_EQ(state, json::parse(R"({"hasCompletedOnboarding": true, "numStartups": 5,
      "lastOnboardingVersion": "2.1.9", "lastReleaseNotesSeen": "2.1.9", "hasSeenAutoDefaultNotice": true,
      "editorMode": "vim", "theme": "light"})"));
}

TEST(BoxPluginRecord, MovesPathsAndNamesNoOtherProject) {
  const std::string record = R"({"version": 2, "plugins": {
      "a@m": [{"scope": "user", "installPath": "/u/conf/plugins/cache/m/a/1"}],
      "b@m": [{"scope": "local", "projectPath": "/u/other", "installPath": "/u/conf/plugins/cache/m/b/1"}],
      "c@m": [{"scope": "project", "projectPath": "/u/p", "installPath": "/u/conf/plugins/cache/m/c/1"},
              {"scope": "local", "projectPath": "/u/other", "installPath": "/x"}]}})";
  EXPECT_EQ(json::parse(box_plugin_record(record, "/u/conf/plugins", "/u/.claude/plugins", {"/u/p"})),
            json::parse(R"({"version": 2, "plugins": {
                "a@m": [{"scope": "user", "installPath": "/u/.claude/plugins/cache/m/a/1"}],
                "c@m": [{"scope": "project", "projectPath": "/u/p",
                         "installPath": "/u/.claude/plugins/cache/m/c/1"}]}})"));
  for (const std::string odd :
       {"", "[]", "{", R"({"plugins": 3})", R"({"plugins": {"a": 1, "b": [2, "x"]}})"})
    EXPECT_TRUE(json::parse(box_plugin_record(odd, "/a", "/b", {})).is_object()) << odd;
}

TEST(StartState, TrustsTheProjectAndApprovesTheKeyByItsTail) {
  const auto state = json::parse(start_state({"/p", "/p/sub"}, "fake-key-0123456789abcdefghij"));
  for (const std::string directory : {"/p", "/p/sub"}) {
    EXPECT_EQ(state["projects"][directory]["hasTrustDialogAccepted"], true);
    EXPECT_EQ(state["projects"][directory]["hasClaudeMdExternalIncludesApproved"], true);
  }
  EXPECT_EQ(state["projects"].size(), 2U);
  EXPECT_EQ(state["customApiKeyResponses"]["approved"], json::array({"0123456789abcdefghij"}));
  EXPECT_FALSE(json::parse(start_state({"/p"}, "")).contains("customApiKeyResponses"));
}

TEST(Account, IsTheUsersAndPlain) {
  EXPECT_EQ(
      account_of(R"({"numStartups": 3, "oauthAccount" : {"emailAddress": "a@b", "n": 1, "nested": {"x": 1},
      "sessionToken": "fake-secret"}, "projects": {}})"),
      R"({"emailAddress":"a@b","n":1})");
}

TEST(Account, IsLookedForAtTheTopAlone) {
  const std::string at_the_top = R"("oauthAccount":{"emailAddress":"right"})";
  const std::string wrong = R"({"oauthAccount":{"emailAddress":"wrong"}})";
  EXPECT_EQ(account_of(R"({"projects":)" + wrong + "," + at_the_top + "}"), R"({"emailAddress":"right"})");
  EXPECT_EQ(account_of(R"({"a":[)" + wrong + "]," + at_the_top + "}"), R"({"emailAddress":"right"})");
  EXPECT_EQ(account_of(R"({"history":"\"oauthAccount\":{\"emailAddress\":\"wrong\"}",)" + at_the_top + "}"),
            R"({"emailAddress":"right"})");
  EXPECT_EQ(account_of(R"({"name":"oauthAccount",)" + at_the_top + "}"), R"({"emailAddress":"right"})");
}

TEST(Account, IsNothingWhereThereIsNone) {
  for (const std::string text :
       {"", "{", "[]", "{}", R"({"oauthAccount":null,"x":{"a":1}})", R"({"oauthAccount":[{"a":1}]})",
        R"({"oauthAccount":{"a":1)", R"({"oauthAccount":{bad}})", R"({"oauthAccount":{}})",
        R"({"oauthAccount":"{")", R"({"oauthAccount")", "\"", "{\"\\"})
    EXPECT_EQ(account_of(text), "") << text;
}

TEST(Account, GoesIntoTheStateOfEveryStart) {
  EXPECT_THAT(start_state({}, "", R"({"emailAddress":"a@b"})"),
              HasSubstr("\"oauthAccount\": {\n    \"emailAddress\": \"a@b\""));
  EXPECT_THAT(start_state({}, ""), Not(HasSubstr("oauthAccount")));
}

}  // namespace
}  // namespace claudebox::plan
