#include <gmock/gmock.h>

#include <algorithm>

#include "fake_host.h"
#include "plan/agent.h"
#include "plan/build.h"

namespace claudebox::plan {
namespace {

using base::Origin;
using claudebox::testing::FakeHost;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kFile = "/home/dev/.claude/.credentials.json";

std::string credential(std::int64_t expires) {
  return R"({"claudeAiOauth":{"accessToken":"fake-access","refreshToken":"fake-refresh","expiresAt":)" +
         std::to_string(expires) + R"(,"subscriptionType":"max"}})";
}

class LoginTest : public ::testing::Test {
 protected:
  LoginTest() {
    for (const char* program : {"bwrap", "bash", "make"}) host_.program(std::string("/usr/bin/") + program);
    client("2.1.330");
    host_.set("PATH", "/home/dev/.local/bin:/usr/bin").directory("/home/dev/src/app").at("/home/dev/src/app");
    request_.network.value = Tier::full;
  }

  void client(const std::string& version) {
    host_.program("/home/dev/.local/share/claude/versions/" + version)
        .symlink("/home/dev/.local/bin/claude", "../share/claude/versions/" + version);
  }
  void log_in(std::int64_t left = 3'600'000) { host_.file(kFile, credential(host_.now_ + left), 0600); }
  void ask(LoginMode mode) { request_.login = {mode, {Origin::Kind::flag, "--auth", "asked for"}}; }
  void grant(const std::string& name) {
    request_.env.push_back({name, "fake-value", {Origin::Kind::flag, "--env", "asked for"}});
  }

  std::optional<Plan> plan() {
    problems_ = {};
    return build(request_, host_, problems_);
  }
  Login login() {
    const auto made = plan();
    for (const auto& problem : problems_.items()) ADD_FAILURE() << problem.message;
    return made ? made->login : Login{};
  }
  std::string problem() {
    EXPECT_FALSE(plan().has_value());
    return problems_.empty() ? "" : problems_.items().front().message + "\n" + problems_.items().front().hint;
  }
  std::string notes() {
    std::string text;
    if (const auto made = plan())
      for (const auto& note : made->notes) text += note.text + "\n";
    return text;
  }
  std::string variable(const std::string& name) {
    if (const auto made = plan())
      for (const auto& each : made->env)
        if (each.name == name) return each.value;
    return "(not set)";
  }

  FakeHost host_;
  Request request_;
  base::Diagnostics problems_;
};

TEST_F(LoginTest, TheBrokerIsTheDefaultWhereTheUserIsLoggedIn) {
  log_in();
  const Login found = login();
  EXPECT_EQ(found.mode.value, LoginMode::broker);
  EXPECT_EQ(found.directory, "/home/dev/.claude");
  EXPECT_EQ(found.file, ".credentials.json");
  EXPECT_EQ(found.valid_until, host_.now_ + 3'600'000);
  EXPECT_FALSE(found.expired);
  EXPECT_THAT(found.renewal, ElementsAre("/home/dev/.local/share/claude/versions/2.1.330", "mcp", "list"));
  EXPECT_EQ(found.renewal_set.at("CLAUDE_SECURESTORAGE_CONFIG_DIR"), "/home/dev/.claude");
  EXPECT_EQ(found.renewal_set.at("CLAUDE_CONFIG_DIR"), "/home/dev/.claudebox/renewal/claude");
  EXPECT_EQ(variable("CLAUDE_SECURESTORAGE_CONFIG_DIR"), "/run/claudebox/login");
}

TEST_F(LoginTest, ThePlanHoldsNoToken) {
  log_in();
  const auto made = plan();
  ASSERT_TRUE(made);
  for (const auto& mount : made->mounts) EXPECT_THAT(mount.content, Not(HasSubstr("fake-"))) << mount.target;
  for (const auto& file : made->state) EXPECT_THAT(file.content, Not(HasSubstr("fake-"))) << file.path;
  for (const auto& each : made->env) EXPECT_THAT(each.value, Not(HasSubstr("fake-"))) << each.name;
}

TEST_F(LoginTest, OneThatHasRunOutIsStillTheLogin) {
  log_in(-1);
  EXPECT_EQ(login().mode.value, LoginMode::broker);
  EXPECT_TRUE(login().expired);
}

TEST_F(LoginTest, TheUsersClientMayKeepItElsewhere) {
  host_.file("/data/claude/.credentials.json", credential(host_.now_ + 1), 0600)
      .symlink("/home/dev/link", "/data/claude");
  host_.set("CLAUDE_CONFIG_DIR", "/home/dev/link");
  EXPECT_EQ(login().directory, "/data/claude");
  host_.file("/data/apart/.credentials.json", credential(host_.now_ + 1), 0600);
  host_.set("CLAUDE_SECURESTORAGE_CONFIG_DIR", "/data/apart");
  EXPECT_EQ(login().directory, "/data/apart");
}

TEST_F(LoginTest, TheRenewalHasNoneOfTheCallersSessionAndKeys) {
  log_in();
  const auto unset = login().renewal_unset;
  for (const std::string name : {"ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDECODE"})
    EXPECT_TRUE(std::any_of(unset.begin(), unset.end(), [&](const std::string& each) {
      return each == name || (each.ends_with('*') && name.starts_with(each.substr(0, each.size() - 1)));
    })) << name;
}

TEST_F(LoginTest, AGrantedVariableIsTheLogin) {
  log_in();
  grant("ANTHROPIC_API_KEY");
  EXPECT_EQ(login().mode.value, LoginMode::env);
  EXPECT_THAT(login().variables, ElementsAre("ANTHROPIC_API_KEY"));
  EXPECT_EQ(variable("CLAUDE_SECURESTORAGE_CONFIG_DIR"), "(not set)");
}

TEST_F(LoginTest, VariablesArePassedOnlyWhenAskedFor) {
  host_.set("ANTHROPIC_API_KEY", "fake-key");
  EXPECT_EQ(login().mode.value, LoginMode::none);
  EXPECT_EQ(variable("ANTHROPIC_API_KEY"), "(not set)");
  EXPECT_THAT(notes(), HasSubstr("--auth env passes ANTHROPIC_API_KEY, which is set here"));
  EXPECT_THAT(notes(), Not(HasSubstr("fake-key")));
  ask(LoginMode::env);
  EXPECT_EQ(variable("ANTHROPIC_API_KEY"), "fake-key");
  EXPECT_THAT(login().variables, ElementsAre("ANTHROPIC_API_KEY"));
}

TEST_F(LoginTest, EnvWithoutAny) {
  ask(LoginMode::env);
  EXPECT_THAT(problem(), HasSubstr("none of the variables that log claude in is set"));
}

TEST_F(LoginTest, NotLoggedIn) {
  EXPECT_EQ(login().mode.value, LoginMode::none);
  EXPECT_THAT(notes(), HasSubstr("you are not logged in: there is no ~/.claude/.credentials.json"));
  request_.action = Action::command;
  request_.arguments = {"make"};
  EXPECT_THAT(notes(), Not(HasSubstr("logged in")));
  ask(LoginMode::broker);
  EXPECT_THAT(problem(), HasSubstr("you are not logged in"));
}

TEST_F(LoginTest, LoggedOutIsNotLoggedIn) {
  host_.file(kFile, R"({"claudeAiOauth":{"accessToken":"","refreshToken":"","expiresAt":0}})", 0600);
  EXPECT_EQ(login().mode.value, LoginMode::none);
  EXPECT_THAT(notes(), HasSubstr("says that you are logged out"));
}

TEST_F(LoginTest, AnAgentIsNotStartedOnWhatIsNotUnderstood) {
  host_.file(kFile, "{", 0600);
  EXPECT_THAT(problem(), HasSubstr("is not a JSON object"));
  EXPECT_EQ(problems_.exit(), base::ExitCode::setup);
  host_.other(kFile, sys::FileKind::fifo);
  EXPECT_THAT(problem(), HasSubstr("is no file"));
  request_.action = Action::command;
  request_.arguments = {"make"};
  EXPECT_EQ(login().mode.value, LoginMode::none);
}

TEST_F(LoginTest, AClientThatIsTooOld) {
  log_in();
  client("2.1.99");
  EXPECT_THAT(problem(),
              HasSubstr("claude 2.1.99 is too old for a login apart from its state: 2.1.144 or later"));
  ask(LoginMode::store);
  EXPECT_THAT(problem(), HasSubstr("2.1.99 is too old"));
  ask(LoginMode::none);
  EXPECT_EQ(login().mode.value, LoginMode::none);
}

TEST_F(LoginTest, WithoutTheClientOnTheHost) {
  log_in();
  host_.set("PATH", "/usr/bin").symlink("/home/dev/.local/bin/claude", "/nowhere");
  request_.action = Action::command;
  request_.arguments = {"make"};
  EXPECT_EQ(login().mode.value, LoginMode::none);
  ask(LoginMode::broker);
  EXPECT_THAT(problem(), HasSubstr("--auth broker needs claude on this host"));
}

TEST_F(LoginTest, AStore) {
  log_in();
  ask(LoginMode::store);
  const Login found = login();
  EXPECT_EQ(found.directory, "/home/dev/.claudebox/logins/claude/default/store");
  EXPECT_EQ(found.backup, "/home/dev/.claudebox/logins/claude/default.last-good");
  EXPECT_EQ(found.valid_until, 0);
  EXPECT_EQ(variable("CLAUDE_SECURESTORAGE_CONFIG_DIR"), "/run/claudebox/login/store");
  request_.login_store = "work";
  host_.file("/home/dev/.claudebox/logins/claude/work/store/.credentials.json", credential(host_.now_ - 1),
             0600);
  EXPECT_EQ(login().directory, "/home/dev/.claudebox/logins/claude/work/store");
  EXPECT_TRUE(login().expired);
}

TEST_F(LoginTest, AVariableOfTheUsersDoesNotMoveIt) {
  log_in();
  grant("CLAUDE_SECURESTORAGE_CONFIG_DIR");
  EXPECT_EQ(variable("CLAUDE_SECURESTORAGE_CONFIG_DIR"), "/run/claudebox/login");
}

TEST_F(LoginTest, AnAgentThatKeepsItInItsState) {
  host_.program("/usr/bin/codex").set("CODEX_API_KEY", "fake-key");
  request_.agent = "codex";
  EXPECT_EQ(login().mode.value, LoginMode::none);
  EXPECT_THAT(notes(), HasSubstr("no login of codex in this instance yet"));
  EXPECT_THAT(notes(), HasSubstr("--auth env passes CODEX_API_KEY"));
  ask(LoginMode::broker);
  EXPECT_THAT(problem(), HasSubstr("codex keeps its login in its state, so it can't be kept apart"));
  ask(LoginMode::store);
  EXPECT_THAT(problem(), HasSubstr("can't be kept apart"));
  ask(LoginMode::env);
  EXPECT_EQ(variable("CODEX_API_KEY"), "fake-key");
}

TEST_F(LoginTest, ASelfTestHasNone) {
  log_in();
  request_.action = Action::selftest;
  EXPECT_EQ(login().mode.value, LoginMode::none);
}

}  // namespace
}  // namespace claudebox::plan
