#include "cli/request.h"

#include <gmock/gmock.h>

#include "fake_host.h"

namespace claudebox::cli {
namespace {

using base::Diagnostics;
using base::Origin;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class Request : public ::testing::Test {
 protected:
  /// The request of `low`, which must be fine.
  plan::Request good(const LowArgs& low) {
    Diagnostics problems;
    auto request = make_request(low, host_, problems);
    for (const auto& problem : problems.items()) ADD_FAILURE() << problem.message;
    return request;
  }
  /// "message\nhint" of the one problem of `low`.
  std::string problem(const LowArgs& low) {
    Diagnostics problems;
    make_request(low, host_, problems);
    if (problems.items().size() != 1) return "not one problem";
    EXPECT_EQ(problems.exit(), base::ExitCode::usage);
    return problems.items().front().message + "\n" + problems.items().front().hint;
  }
  claudebox::testing::FakeHost host_;
};

TEST_F(Request, TheFlagBeatsTheEnvironment) {
  host_.set("CLAUDEBOX_NETWORK", "full");
  const auto from_environment = good({});
  EXPECT_EQ(from_environment.network.value, plan::Tier::full);
  EXPECT_EQ(from_environment.network.origin.kind, Origin::Kind::environment);
  const auto from_flag = good({.network = "offline"});
  EXPECT_EQ(from_flag.network.value, plan::Tier::offline);
  EXPECT_EQ(from_flag.network.origin, (Origin{Origin::Kind::flag, "--network offline", "asked for"}));
}

TEST_F(Request, TiersAndTheirOlderSpellings) {
  for (const auto& [typed, tier] :
       std::vector<std::pair<std::string, plan::Tier>>{{"full", plan::Tier::full},
                                                       {"internet", plan::Tier::internet},
                                                       {"inet", plan::Tier::internet},
                                                       {"internet-only", plan::Tier::internet},
                                                       {"allowlist", plan::Tier::allowlist},
                                                       {"offline", plan::Tier::offline},
                                                       {"none", plan::Tier::offline}})
    EXPECT_EQ(good({.network = typed}).network.value, tier) << typed;
}

TEST_F(Request, InternetIsTheDefaultAndFullNever) {
  const auto request = good({});
  EXPECT_EQ(request.network.value, plan::Tier::internet);
  EXPECT_EQ(request.network.origin.kind, Origin::Kind::builtin);
}

TEST_F(Request, AMisspeltTierIsNoTier) {
  EXPECT_THAT(problem({.network = "ofline"}), HasSubstr("did you mean offline?"));
  EXPECT_THAT(problem({.network = "allow-list"}), HasSubstr("did you mean allowlist?"));
  EXPECT_THAT(problem({.network = "Full"}), HasSubstr("unknown network tier 'Full'"));
  host_.set("CLAUDEBOX_NETWORK", "fulll");
  EXPECT_THAT(problem({}), HasSubstr("unknown network tier 'fulll'"));
}

TEST_F(Request, AnAgentIsOneThatThereIs) {
  EXPECT_EQ(good({}).agent, "claude");
  EXPECT_EQ(good({.agent = "gemini"}).agent, "gemini");
  EXPECT_EQ(good({.verb = Verb::shell, .agent = "codex"}).agent, "codex");
  EXPECT_THAT(problem({.agent = "codx"}), HasSubstr("did you mean codex?"));
  EXPECT_THAT(problem({.agent = "Gemini"}), HasSubstr("there are claude, codex, gemini, opencode"));
  EXPECT_THAT(problem({.agent = "reviewer"}), HasSubstr("goes after --"))
      << "Claude Code has an option of that name";
}

TEST_F(Request, TheSelftestIsOfflineUnlessToldOtherwise) {
  EXPECT_EQ(good({.verb = Verb::selftest}).network.value, plan::Tier::offline);
  EXPECT_EQ(good({.verb = Verb::selftest, .network = "full"}).network.value, plan::Tier::full);
}

TEST_F(Request, Actions) {
  const auto action = [&](Verb verb, std::vector<std::string> rest) {
    return good({.verb = verb, .rest = std::move(rest), .network = "full"}).action;
  };
  EXPECT_EQ(action(Verb::agent, {"--continue"}), plan::Action::agent);
  EXPECT_EQ(action(Verb::run, {"make"}), plan::Action::command);
  EXPECT_EQ(action(Verb::shell, {}), plan::Action::shell);
  EXPECT_EQ(action(Verb::plan, {}), plan::Action::agent);
  EXPECT_EQ(action(Verb::plan, {"make"}), plan::Action::command);
  EXPECT_EQ(action(Verb::selftest, {}), plan::Action::selftest);
}

TEST_F(Request, EverythingThatIsWrongIsSaid) {
  Diagnostics problems;
  host_.set("CLAUDEBOX_HOME", "state");
  make_request({.network = "x", .lan = {"x:y:"}, .mounts = {":", "a:b:c:d"}, .env = {"1A", "B=1", "B=2"}},
               host_, problems);
  EXPECT_THAT(problems.items(), SizeIs(7));
}

TEST_F(Request, TakesAllThatIsTyped) {
  const auto request = good({.network = "allowlist",
                             .allow = {"a.org", "b.org"},
                             .lan = {"10.0.0.5"},
                             .publish = {"1"},
                             .reach = {"2"}});
  EXPECT_THAT(request.allow, SizeIs(2));
  EXPECT_THAT(request.lan, SizeIs(1));
  EXPECT_THAT(request.publish, SizeIs(1));
  EXPECT_THAT(request.reach, SizeIs(1));
}

TEST_F(Request, SaysAllThatIsWrongAboutTheNetwork) {
  Diagnostics problems;
  make_request({.network = "x", .allow = {"*", "a b"}, .lan = {"%"}, .publish = {"p"}, .reach = {"r"}}, host_,
               problems);
  EXPECT_THAT(problems.items(), SizeIs(6));
}

TEST_F(Request, FlagsOverTheEnvironmentOverTheProfileOverTheConfiguration) {
  host_.directory("/home/dev/.claudebox/profiles", 0700);
  host_.file("/home/dev/.claudebox/config.toml", "network = \"full\"\naudit = \"always\"\n", 0600);
  EXPECT_EQ(good({}).network.value, plan::Tier::full);
  EXPECT_EQ(good({}).network.origin.source, "config.toml:1");
  host_.file("/home/dev/.claudebox/profiles/web.toml", "network = \"offline\"\nauth = \"none\"\n", 0600);
  host_.file("/home/dev/.claudebox/profiles/other.toml", "network = \"internet\"\n", 0600);
  EXPECT_EQ(good({.profile = "web"}).network.value, plan::Tier::offline);
  EXPECT_TRUE(good({.profile = "web"}).always_ask.value);
  EXPECT_EQ(good({.profile = "web", .auth = "env"}).login->value, plan::LoginMode::env);
  host_.set("CLAUDEBOX_PROFILE", "other");
  EXPECT_EQ(good({}).network.value, plan::Tier::internet);
  EXPECT_EQ(good({.profile = "web"}).network.value, plan::Tier::offline);
  host_.set("CLAUDEBOX_NETWORK", "full");
  EXPECT_EQ(good({.profile = "web"}).network.value, plan::Tier::full);
  EXPECT_EQ(good({.profile = "web", .network = "offline"}).network.origin.kind, Origin::Kind::flag);
  EXPECT_THAT(good({.profile = "web"}).files, SizeIs(2));
}

TEST_F(Request, AProjectMayTightenAndNotWiden) {
  host_.at("/home/dev/src/app");
  host_.file("/home/dev/src/app/.claudebox.toml", "network = \"offline\"\nenv = [\"TOKEN\"]\n");
  const auto request = good({});
  EXPECT_EQ(request.network.value, plan::Tier::offline);
  EXPECT_EQ(request.network.origin.source, ".claudebox.toml:1");
  EXPECT_TRUE(request.env.empty());
  ASSERT_THAT(request.notes, SizeIs(1));
  EXPECT_THAT(request.notes.front().text, HasSubstr("env \"TOKEN\" (line 2)"));
  EXPECT_TRUE(request.files.back().waits);
  // What the user says stands above it.
  EXPECT_EQ(good({.network = "full"}).network.value, plan::Tier::full);
}

TEST_F(Request, Yes) {
  EXPECT_FALSE(says_yes({}, host_));
  EXPECT_TRUE(says_yes({.yes = true}, host_));
  host_.set("CLAUDEBOX_YES", "0");
  EXPECT_FALSE(says_yes({}, host_));
  host_.set("CLAUDEBOX_YES", "1");
  EXPECT_TRUE(says_yes({}, host_));
}

}  // namespace
}  // namespace claudebox::cli
