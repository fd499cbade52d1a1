#include "profile/grants.h"

#include <gmock/gmock.h>

namespace claudebox::profile {
namespace {

using base::Diagnostics;
using ::testing::HasSubstr;
using ::testing::SizeIs;

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
    const auto mount = parse_mount(Typed::flag("--mount", typed), problems);
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
    EXPECT_FALSE(parse_mount(Typed::flag("--mount", typed), problems)) << typed;
    EXPECT_THAT(problems.items(), SizeIs(1)) << typed;
  }
}

TEST(Env, Forms) {
  Diagnostics problems;
  EXPECT_EQ(parse_env(Typed::flag("--env", "A_1"), problems)->value, std::nullopt);
  EXPECT_EQ(parse_env(Typed::flag("--env", "_A="), problems)->value, "");
  EXPECT_EQ(parse_env(Typed::flag("--env", "A=b=c\n"), problems)->value, "b=c\n");
  EXPECT_EQ(parse_env(Typed::flag("--env", "A=secret"), problems)->origin.source, "--env A");
  EXPECT_TRUE(problems.empty());
}

TEST(Env, WhatIsNoName) {
  for (const std::string typed : {"", "=x", "1A", "A-B", "A B", "A.B=1", "\u00e4=1", "A\n=1"}) {
    Diagnostics problems;
    EXPECT_FALSE(parse_env(Typed::flag("--env", typed), problems)) << typed;
    EXPECT_THAT(problems.items(), SizeIs(1)) << typed;
  }
}

TEST(Env, AValueIsNotInTheMessage) {
  Diagnostics problems;
  parse_env(Typed::flag("--env", "MY-TOKEN=hunter2"), problems);
  EXPECT_THAT(problems.items().front().message, Not(HasSubstr("hunter2")));
}

plan::Request login_of(const std::string& typed, base::Diagnostics& problems) {
  plan::Request request;
  request_login(Typed::flag("--auth", typed), request, problems);
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
}  // namespace claudebox::profile
