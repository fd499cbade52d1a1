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

TEST_F(Request, Yes) {
  EXPECT_FALSE(says_yes({}, host_));
  EXPECT_TRUE(says_yes({.yes = true}, host_));
  host_.set("CLAUDEBOX_YES", "0");
  EXPECT_FALSE(says_yes({}, host_));
  host_.set("CLAUDEBOX_YES", "1");
  EXPECT_TRUE(says_yes({}, host_));
}

struct MountCase {
  std::string typed, source, target;
  bool writable = false;
};

TEST(Mount, Forms) {
  for (const auto& [typed, source, target, writable] : std::vector<MountCase>{
           {"/a", "/a", "", false},
           {"/a:ro", "/a", "", false},
           {"/a:rw", "/a", "", true},
           {"/a:/b", "/a", "/b", false},
           {"/a:/b:ro", "/a", "/b", false},
           {"/a:/b:rw", "/a", "/b", true},
           {"~/a:~/b:rw", "~/a", "~/b", true},
           {"a", "a", "", false},
           {"ro", "ro", "", false},
           {"./rw:rw", "./rw", "", true},
           {"/with space/'quote'\n\"x\"", "/with space/'quote'\n\"x\"", "", false},
           {R"(/a\:b)", "/a:b", "", false},
           {R"(/a\:b:/c\:d:rw)", "/a:b", "/c:d", true},
           {R"(/a\:ro)", "/a:ro", "", false},
           {R"(/a\\:/b)", R"(/a\)", "/b", false},
           {R"(/a\b)", R"(/a\b)", "", false},
       }) {
    Diagnostics problems;
    const auto mount = parse_mount(typed, problems);
    ASSERT_TRUE(mount) << typed;
    EXPECT_EQ(mount->source, source) << typed;
    EXPECT_EQ(mount->target, target) << typed;
    EXPECT_EQ(mount->writable, writable) << typed;
    EXPECT_EQ(mount->origin.source, "--mount " + typed);
  }
}

TEST(Mount, WhatIsNone) {
  for (const std::string typed :
       {"", ":", ":/b", "/a:", "/a::rw", "/a:b", "/a:/b:/c", "/a:/b:rx", "/a:RW", "/a:/b:ro:rw", ":rw"}) {
    Diagnostics problems;
    EXPECT_FALSE(parse_mount(typed, problems)) << typed;
    EXPECT_THAT(problems.items(), SizeIs(1)) << typed;
  }
}

TEST(Env, Forms) {
  Diagnostics problems;
  EXPECT_EQ(parse_env("A_1", problems)->value, std::nullopt);
  EXPECT_EQ(parse_env("_A=", problems)->value, "");
  EXPECT_EQ(parse_env("A=b=c\n", problems)->value, "b=c\n");
  EXPECT_EQ(parse_env("A=secret", problems)->origin.source, "--env A");
  EXPECT_TRUE(problems.empty());
}

TEST(Env, WhatIsNoName) {
  for (const std::string typed : {"", "=x", "1A", "A-B", "A B", "A.B=1", "\u00e4=1", "A\n=1"}) {
    Diagnostics problems;
    EXPECT_FALSE(parse_env(typed, problems)) << typed;
    EXPECT_THAT(problems.items(), SizeIs(1)) << typed;
  }
}

TEST(Env, AValueIsNotInTheMessage) {
  Diagnostics problems;
  parse_env("MY-TOKEN=hunter2", problems);
  EXPECT_THAT(problems.items().front().message, Not(HasSubstr("hunter2")));
}

plan::Request login_of(const std::string& typed, base::Diagnostics& problems) {
  plan::Request request;
  request_login(typed, request, problems);
  return request;
}

TEST(RequestLogin, Modes) {
  base::Diagnostics problems;
  EXPECT_EQ(login_of("broker", problems).login->value, plan::LoginMode::broker);
  EXPECT_EQ(login_of("none", problems).login->value, plan::LoginMode::none);
  EXPECT_EQ(login_of("env", problems).login->value, plan::LoginMode::env);
  const auto store = login_of("store:work-2", problems);
  EXPECT_EQ(store.login->value, plan::LoginMode::store);
  EXPECT_EQ(store.login->origin.source, "--auth store:work-2");
  EXPECT_EQ(store.login_store, "work-2");
  EXPECT_TRUE(login_of("store", problems).login_store.empty());
  EXPECT_TRUE(problems.empty());
}

TEST(RequestLogin, WhatIsNone) {
  for (const std::string typed : {"", "Broker", "brokers", "env:x", "none:", "store:", "store:..",
                                  "store:a/b", "store:a b", "store:x.last-good", "store: "}) {
    base::Diagnostics problems;
    login_of(typed, problems);
    EXPECT_FALSE(problems.empty()) << typed;
    EXPECT_EQ(problems.exit(), base::ExitCode::usage);
  }
  base::Diagnostics problems;
  login_of("stor", problems);
  EXPECT_THAT(problems.items().front().hint, HasSubstr("did you mean store?"));
  base::Diagnostics long_name;
  login_of("store:" + std::string(65, 'a'), long_name);
  EXPECT_FALSE(long_name.empty());
}

}  // namespace
}  // namespace claudebox::cli
