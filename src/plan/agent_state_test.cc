#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fake_host.h"
#include "plan/agent.h"

namespace claudebox::plan {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class AgentStateTest : public ::testing::Test {
 protected:
  AgentStateTest() {
    plan.uid = host.identity_.uid;
    plan.user_home = "/home/dev";
    plan.project = {
        .root = "/home/dev/p", .directory = "/home/dev/p/sub", .canonical_root = "/home/dev/main"};
    plan.instance.home = "/home/dev/.claudebox/instances/0123456789abcdef/home";
    host.set("PATH", "/usr/bin").program("/usr/bin/claude");
  }

  void run() { plan_agent_state(host, default_agent(), plan); }

  const Mount* mount(const std::string& target) const {
    const auto found = std::find_if(plan.mounts.begin(), plan.mounts.end(),
                                    [&](const Mount& m) { return m.target == target; });
    return found == plan.mounts.end() ? nullptr : &*found;
  }
  std::string source(const std::string& target) const { return mount(target) ? mount(target)->source : ""; }
  std::string variable(const std::string& name) const {
    for (const auto& candidate : plan.env)
      if (candidate.name == name) return candidate.value;
    return "(unset)";
  }
  json state(const std::string& name, StateFile::Policy policy) const {
    for (const auto& file : plan.state)
      if (file.path == plan.instance.home + "/.claude/" + name && file.policy == policy)
        return json::parse(file.content);
    return nullptr;
  }

  claudebox::testing::FakeHost host;
  Plan plan;
};

TEST_F(AgentStateTest, StateLivesInTheInstanceAndNowhereElse) {
  run();
  for (const auto& file : plan.state) EXPECT_THAT(file.path, ::testing::StartsWith(plan.instance.home + "/"));
  EXPECT_EQ(plan.state.front().policy, StateFile::Policy::directory);
  EXPECT_EQ(plan.state.front().path, plan.instance.home + "/.claude");
  for (const auto& m : plan.mounts) EXPECT_NE(m.kind, Mount::Kind::writable) << m.target;
  EXPECT_EQ(variable("CLAUDE_CONFIG_DIR"), "/home/dev/.claude");
}

TEST_F(AgentStateTest, ShowsTheUsersTextReadOnlyAndNothingThatIsPrivate) {
  for (const std::string name :
       {"CLAUDE.md", "RTK.md", "skills/s/SKILL.md", "agents/a.md", "commands/c.md", "output-styles/o.md",
        "hooks/h.sh", "statusline.sh", "settings.json", ".credentials.json", "history.jsonl",
        "projects/x/1.jsonl", "sessions/1.json", "shell-snapshots/x", "file-history/x", "todos/x",
        "plugins/data/x/token"})
    host.file("/home/dev/.claude/" + name, "{}");
  run();
  for (const std::string name :
       {"CLAUDE.md", "RTK.md", "skills", "agents", "commands", "output-styles", "hooks", "statusline.sh"}) {
    ASSERT_TRUE(mount("/home/dev/.claude/" + name)) << name;
    EXPECT_EQ(mount("/home/dev/.claude/" + name)->kind, Mount::Kind::read_only) << name;
  }
  for (const auto& m : plan.mounts)
    for (const std::string name : {"settings.json", ".credentials.json", "history.jsonl", "projects",
                                   "sessions", "shell-snapshots", "file-history", "todos", "data"})
      EXPECT_THAT(m.source, Not(::testing::EndsWith("/" + name)));
}

TEST_F(AgentStateTest, FollowsLinksToADotfilesRepository) {
  host.file("/home/dev/dotfiles/claude/CLAUDE.md", "mine")
      .symlink("/home/dev/.claude/CLAUDE.md", "../dotfiles/claude/CLAUDE.md")
      .directory("/home/dev/.claude/skills")
      .directory("/home/dev/dotfiles/skills/one")
      .symlink("/home/dev/.claude/skills/one", "/home/dev/dotfiles/skills/one")
      .symlink("/home/dev/.claude/skills/two", "../../dotfiles/skills/one");
  run();
  EXPECT_EQ(source("/home/dev/.claude/CLAUDE.md"), "/home/dev/dotfiles/claude/CLAUDE.md");
  EXPECT_EQ(source("/home/dev/dotfiles/skills/one"), "/home/dev/dotfiles/skills/one");
}

TEST_F(AgentStateTest, NoLinkBringsInTheHomeOrItsKeys) {
  host.directory("/home/dev/.ssh").directory("/home/dev/.claude/projects/other");
  host.symlink("/home/dev/.claude/skills", "..")
      .symlink("/home/dev/.claude/agents", "../.ssh")
      .directory("/home/dev/.claude/commands")
      .symlink("/home/dev/.claude/commands/a", "/home/dev/.ssh")
      .symlink("/home/dev/.claude/commands/b", "/home/dev")
      .symlink("/home/dev/.claude/commands/c", "/")
      .symlink("/home/dev/.claude/commands/d", "/home/dev/.claude/projects/other")
      .symlink("/home/dev/.claude/themes", "/home/dev/.config")
      .directory("/home/dev/.config/gh")
      .symlink("/home/dev/.claude/rules", "/home/dev/.claude");
  run();
  for (const auto& m : plan.mounts)
    if (m.kind == Mount::Kind::read_only) {
      EXPECT_EQ(m.source, "/home/dev/.claude/commands");
    }
}

TEST_F(AgentStateTest, ConfigurationThatLiesInTheProjectStaysWritableAndIsNamed) {
  host.directory("/home/dev/p/skills/one")
      .directory("/home/dev/.claude/skills")
      .symlink("/home/dev/.claude/skills/one", "/home/dev/p/skills/one");
  run();
  for (const auto& m : plan.mounts) EXPECT_FALSE(m.target.starts_with("/home/dev/p")) << m.target;
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_THAT(plan.notes[0].text, HasSubstr("/home/dev/.claude/skills/one lies in this project"));
}

TEST_F(AgentStateTest, ARelativeConfigurationDirectoryIsNotFollowed) {
  host.set("CLAUDE_CONFIG_DIR", "conf")
      .at("/home/dev/p")
      .file("/home/dev/p/conf/CLAUDE.md", "project's")
      .file("/home/dev/.claude/CLAUDE.md", "mine");
  run();
  EXPECT_EQ(source("/home/dev/.claude/CLAUDE.md"), "/home/dev/.claude/CLAUDE.md");
}

TEST_F(AgentStateTest, AMovedConfigurationDirectoryIsShownAtTheBoxsOwn) {
  host.set("CLAUDE_CONFIG_DIR", "/home/dev/conf")
      .file("/home/dev/conf/CLAUDE.md", "moved")
      .file("/home/dev/conf/settings.json", R"({"model": "opus"})")
      .file("/home/dev/.claude/CLAUDE.md", "stale");
  run();
  EXPECT_EQ(source("/home/dev/.claude/CLAUDE.md"), "/home/dev/conf/CLAUDE.md");
  EXPECT_EQ(state("settings.json", StateFile::Policy::json_override)["model"], "opus");
  EXPECT_EQ(variable("CLAUDE_CONFIG_DIR"), "/home/dev/.claude");
}

TEST_F(AgentStateTest, PluginsAreShownAndTheirRecordsCopied) {
  run();
  for (const auto& file : plan.state) EXPECT_THAT(file.path, Not(HasSubstr("plugins")));
  host.file("/home/dev/.claude/plugins/known_marketplaces.json", R"({"m": {}})")
      .file("/home/dev/.claude/plugins/installed_plugins.json",
            R"({"plugins": {"a@m": [{"projectPath": "/home/dev/other"}], "b@m": [{"scope": "user"}]}})")
      .directory("/home/dev/.claude/plugins/cache/m")
      .directory("/home/dev/.claude/plugins/data/m");
  plan.mounts.clear();
  run();
  EXPECT_EQ(source("/home/dev/.claude/plugins/cache"), "/home/dev/.claude/plugins/cache");
  EXPECT_FALSE(mount("/home/dev/.claude/plugins/data"));
  EXPECT_FALSE(mount("/home/dev/.claude/plugins"));
  EXPECT_EQ(state("plugins/installed_plugins.json", StateFile::Policy::replace),
            json::parse(R"({"plugins": {"b@m": [{"scope": "user"}]}})"));
  EXPECT_TRUE(state("plugins/known_marketplaces.json", StateFile::Policy::replace).contains("m"));
}

TEST_F(AgentStateTest, AFirstRunAsksNothing) {
  host.program("/opt/x/node_modules/@anthropic-ai/claude-code/bin/claude.exe")
      .file("/opt/x/node_modules/@anthropic-ai/claude-code/package.json", R"({"version": "2.1.77"})")
      .symlink("/usr/bin/claude", "/opt/x/node_modules/@anthropic-ai/claude-code/bin/claude.exe");
  plan.env.push_back({.name = "ANTHROPIC_API_KEY", .value = "fake-0123456789abcdefghij"});
  run();
  const auto seed = state(".claude.json", StateFile::Policy::json_defaults);
  EXPECT_EQ(seed["hasCompletedOnboarding"], true);
  EXPECT_EQ(seed["lastOnboardingVersion"], "2.1.77");
  const auto start = state(".claude.json", StateFile::Policy::json_override);
  for (const std::string root : {"/home/dev/p", "/home/dev/p/sub", "/home/dev/main"})
    EXPECT_EQ(start["projects"][root]["hasTrustDialogAccepted"], true) << root;
  EXPECT_EQ(start["customApiKeyResponses"]["approved"][0], "0123456789abcdefghij");
  EXPECT_EQ(state("settings.json", StateFile::Policy::json_override)["skipDangerousModePermissionPrompt"],
            true);
}

TEST_F(AgentStateTest, TheVersionOfANativeInstallationIsItsName) {
  host.program("/home/dev/.local/share/claude/versions/2.1.5")
      .symlink("/usr/bin/claude", "/home/dev/.local/share/claude/versions/2.1.5");
  run();
  EXPECT_EQ(state(".claude.json", StateFile::Policy::json_defaults)["lastOnboardingVersion"], "2.1.5");
}

TEST_F(AgentStateTest, PreferencesAreTakenOnlyForAFirstRun) {
  host.file("/home/dev/.claude.json", R"({"editorMode": "vim", "oauthAccount": {"x": 1}})");
  run();
  const auto first = state(".claude.json", StateFile::Policy::json_defaults);
  EXPECT_EQ(first["editorMode"], "vim");
  EXPECT_FALSE(first.contains("oauthAccount"));
  plan.state.clear();
  host.file(plan.instance.home + "/.claude/.claude.json", "{}");
  run();
  EXPECT_FALSE(state(".claude.json", StateFile::Policy::json_defaults).contains("editorMode"));
}

TEST_F(AgentStateTest, SettingsThatAreNoJsonAreLeftOutWithANote) {
  host.file("/home/dev/.claude/settings.json", "{broken");
  run();
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_THAT(plan.notes[0].text, HasSubstr("/home/dev/.claude/settings.json is not a JSON object"));
}

TEST_F(AgentStateTest, TheAgentsOwnSandboxIsOffWhereItCannotStart) {
  host.file("/home/dev/.claude/settings.json", R"({"sandbox": {"enabled": true}})");
  run();
  EXPECT_EQ(state("settings.json", StateFile::Policy::json_override)["sandbox"]["enabled"], true);
  plan.state.clear();
  plan.uid = 0;
  run();
  EXPECT_EQ(state("settings.json", StateFile::Policy::json_override)["sandbox"]["enabled"], false);
}

TEST_F(AgentStateTest, ThePolicyOfAnOrganisationIsObeyedInABoxToo) {
  host.file("/etc/claude-code/managed-settings.json",
            R"({"permissions": {"disableBypassPermissionsMode": "disable"}})")
      .directory("/etc/claude-code/managed-settings.d")
      .file("/etc/claude-code/CLAUDE.md", "House rule 1.");
  run();
  EXPECT_EQ(source("/etc/claude-code/managed-settings.json"), "/etc/claude-code/managed-settings.json");
  EXPECT_EQ(source("/etc/claude-code/managed-settings.d"), "/etc/claude-code/managed-settings.d");
  EXPECT_THAT(mount("/etc/claude-code/CLAUDE.md")->content,
              ::testing::StartsWith("House rule 1.\n\n# You run in"));
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_THAT(plan.notes[0].text, HasSubstr("managed-settings.json"));
}

TEST_F(AgentStateTest, VariablesOfTheHostAreChoicesNeverKeys) {
  host.set("DISABLE_TELEMETRY", "1")
      .set("ANTHROPIC_MODEL", "opus")
      .set("ANTHROPIC_API_KEY", "fake")
      .set("CLAUDE_CODE_OAUTH_TOKEN", "fake")
      .set("CLAUDECODE", "1");
  plan.env.push_back({.name = "DISABLE_AUTOUPDATER", .value = "0", .kind = EnvVar::Kind::extra});
  run();
  EXPECT_EQ(variable("DISABLE_TELEMETRY"), "1");
  EXPECT_EQ(variable("ANTHROPIC_MODEL"), "opus");
  EXPECT_EQ(variable("IS_SANDBOX"), "1");
  EXPECT_EQ(variable("DISABLE_AUTOUPDATER"), "0") << "what the user asks for by --env wins";
  for (const std::string name : {"ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDECODE"})
    EXPECT_EQ(variable(name), "(unset)");
}

TEST_F(AgentStateTest, ItsNameWorksInAShellOfTheBoxToo) {
  const std::string link = "/home/dev/.local/box/bin/claude";
  const std::string program = "/srv/n/node_modules/@anthropic-ai/claude-code/bin/claude.exe";
  host.program(program)
      .symlink("/srv/n/node_modules/.bin/claude", "../@anthropic-ai/claude-code/bin/claude.exe")
      .symlink("/home/dev/bin/claude", "/srv/n/node_modules/.bin/claude")
      .set("PATH", "/home/dev/bin");
  const Mount bin{.kind = Mount::Kind::read_only, .target = "/home/dev/bin", .source = "/home/dev/bin"};
  const Mount file{.kind = Mount::Kind::read_only, .target = program, .source = program};
  plan.env.push_back({.name = "PATH", .value = "/home/dev/.local/box/bin:/home/dev/bin"});
  plan.mounts = {bin, file};
  run();
  ASSERT_TRUE(mount(link)) << "the link in the middle, .bin/claude, is not in the box";
  EXPECT_EQ(mount(link)->kind, Mount::Kind::symlink);
  EXPECT_EQ(mount(link)->source, program);

  host.symlink("/home/dev/bin/claude", program);
  plan.mounts = {bin, file};
  run();
  EXPECT_FALSE(mount(link)) << "found without it";
}

TEST_F(AgentStateTest, MemorySaysWhatThisBoxIs) {
  plan.network.value = Tier::offline;
  plan.mounts = {
      {.kind = Mount::Kind::writable, .target = "/data", .source = "/data", .purpose = Purpose::extra},
      {.kind = Mount::Kind::read_only, .target = "/ref", .source = "/ref", .purpose = Purpose::extra},
      {.kind = Mount::Kind::read_only,
       .target = "/home/dev/p/.git/hooks",
       .source = "/home/dev/p/.git/hooks",
       .purpose = Purpose::protection}};
  const std::string text = memory_text(plan);
  for (const std::string part :
       {"- `/home/dev/p` is the project", "- `/data`: granted by the user, their real",
        "- `/ref`: granted by the user, read-only", "- `/home/dev/p/.git/hooks`: read-only",
        "Network: offline", "git push", "git remote add", "~/.local/box"})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(text, Not(HasSubstr("EHOSTUNREACH")));
  plan.network.value = Tier::full;
  EXPECT_THAT(memory_text(plan), HasSubstr("`localhost` is the user's machine"));
  plan.project.read_only = true;
  EXPECT_THAT(memory_text(plan), HasSubstr("is the project, read-only"));
}

TEST_F(AgentStateTest, MemorySaysWhatTheNetworkReachesAndThatARefusalIsMeant) {
  plan.network.value = Tier::internet;
  const std::string internet = memory_text(plan);
  for (const std::string part : {"Network: internet", "public internet", "local network", "EHOSTUNREACH",
                                 "EACCES", "reachable by you, not by the user"})
    EXPECT_THAT(internet, HasSubstr(part));
  plan.network.value = Tier::allowlist;
  plan.net.allow = {{"example.org", {}}, {"*.npmjs.org", {}}};
  plan.net.lan = {{"10.0.0.5/32", "", 3128, {}}, {"", "nas", 0, {}}};
  plan.net.publish = {{8080, 3000, {}}};
  plan.net.reach = {{5432, {}}};
  const std::string allowlist = memory_text(plan);
  for (const std::string part :
       {"- `example.org`\n", "- `*.npmjs.org`\n", "- `10.0.0.5/32`, port 3128", "- `nas`, every port",
        "port 3000 is seen by the user at `http://localhost:8080`",
        "`localhost:5432` is that port of the user's", "EHOSTUNREACH", "but for the ports named below"})
    EXPECT_THAT(allowlist, HasSubstr(part));
  plan.network.value = Tier::offline;
  EXPECT_THAT(memory_text(plan), AllOf(HasSubstr("localhost:5432"), Not(HasSubstr("EHOSTUNREACH"))));
}

}  // namespace
}  // namespace claudebox::plan
