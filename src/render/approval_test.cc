#include <gmock/gmock.h>

#include "render/audit.h"
#include "render/hand_made_plan.h"

namespace claudebox::render {
namespace {

using plan::EnvVar;
using plan::Mount;
using plan::Note;
using plan::Purpose;
using plan::Tier;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Mount extra(const std::string& path, Mount::Kind kind = Mount::Kind::read_only) {
  return {.kind = kind, .target = path, .source = path, .purpose = Purpose::extra};
}

std::string difference(const plan::Plan& before, const plan::Plan& after) {
  return audit_difference(approval_text(before), after, {});
}

TEST(Approval, AWiderPlanDiffers) {
  const auto before = hand_made_plan();
  const auto widened = [&](auto change) {
    auto after = before;
    change(after);
    return difference(before, after);
  };
  EXPECT_THAT(widened([](auto& p) { p.mounts.push_back(extra("/srv/new")); }),
              HasSubstr("+ mount ro /srv/new"));
  EXPECT_THAT(
      widened([](auto& p) { p.mounts.back().kind = Mount::Kind::writable; }),
      AllOf(HasSubstr("- mount ro /home/dev/src/shared"), HasSubstr("+ mount rw /home/dev/src/shared")));
  EXPECT_THAT(
      widened([](auto& p) {
        p.env.push_back({.name = "NEW", .value = "x", .kind = EnvVar::Kind::extra, .from_host = true});
      }),
      HasSubstr("+ env NEW from the host"));
  EXPECT_THAT(widened([](auto& p) { p.env.back().value = "another"; }), HasSubstr("+ env MODE with value"));
  EXPECT_THAT(widened([](auto& p) { p.scope_abstract_sockets = false; }), HasSubstr("abstract sockets"));
  EXPECT_THAT(widened([](auto& p) { p.uid = 0; }), HasSubstr("+ user 0"));
  EXPECT_THAT(widened([](auto& p) { p.notes.push_back({Note::Level::danger, "hooks may be written", {}}); }),
              HasSubstr("hooks may be written"));
  EXPECT_THAT(
      widened([](auto& p) {
        p.mounts.push_back(
            {.target = "/home/dev/.bun/bin", .source = "/home/dev/.bun/bin", .purpose = Purpose::home});
      }),
      HasSubstr("+ mount ro /home/dev/.bun/bin"));
  EXPECT_THAT(widened([](auto& p) {
                p.mounts.push_back(
                    {.target = "/etc/ca.pem", .source = "/home/dev/ca.pem", .purpose = Purpose::system});
              }),
              HasSubstr("+ mount ro /home/dev/ca.pem on /etc/ca.pem"));
}

TEST(Approval, WhatIsOpenedInTheNetworkDiffers) {
  auto before = hand_made_plan();
  before.network.value = Tier::allowlist;
  before.net.allow = {{"example.org", {}}};
  before.net.lan = {{"10.0.0.5/32", "", 80, {}}};
  const auto changed = [&](auto change) {
    auto after = before;
    change(after.net);
    return difference(before, after);
  };
  EXPECT_THAT(changed([](auto& net) { net.allow.push_back({"*.b.org", {}}); }),
              HasSubstr("+ network allows *.b.org"));
  EXPECT_THAT(changed([](auto& net) { net.allow.clear(); }), HasSubstr("- network allows example.org"));
  EXPECT_THAT(changed([](auto& net) { net.lan.push_back({"", "nas", 0, {}}); }),
              HasSubstr("+ network opens nas\n"));
  EXPECT_THAT(
      changed([](auto& net) { net.lan.front().port = 0; }),
      AllOf(HasSubstr("- network opens 10.0.0.5/32 port 80"), HasSubstr("+ network opens 10.0.0.5/32\n")));
  EXPECT_THAT(changed([](auto& net) { net.publish.push_back({8080, 3000, {}}); }),
              HasSubstr("+ network publishes port 3000 at 8080"));
  EXPECT_THAT(changed([](auto& net) { net.reach.push_back({5432, {}}); }),
              HasSubstr("+ network reaches host port 5432"));
  EXPECT_THAT(changed([](auto& net) { net.slirp = "/opt/slirp4netns"; }), IsEmpty()) << "no grant";
  EXPECT_THAT(changed([](auto& net) { net.allow.front().origin.source = "web.toml:3"; }), IsEmpty());
}

TEST(Approval, TheNixDaemonIsAGrant) {
  auto after = hand_made_plan();
  after.nix_daemon = base::Origin{};
  EXPECT_THAT(difference(hand_made_plan(), after), HasSubstr("+ network has the Nix daemon build outside"));
}

TEST(Approval, ANarrowerTierDiffersToo) {
  auto after = hand_made_plan();
  after.network.value = Tier::offline;
  EXPECT_EQ(difference(hand_made_plan(), after),
            "changed since you approved it\n  - network full\n  + network offline\n");
}

TEST(Approval, WhatIsNoGrantIsNoQuestion) {
  const auto before = hand_made_plan();
  const auto unchanged = [&](auto change) {
    auto after = before;
    change(after);
    return difference(before, after);
  };
  EXPECT_THAT(
      unchanged([](auto& p) { p.command = {plan::Action::agent, {"/usr/bin/claude", "-c"}, "claude -c"}; }),
      IsEmpty());
  EXPECT_THAT(unchanged([](auto& p) { p.project.directory = p.project.root; }), IsEmpty());
  EXPECT_THAT(unchanged([](auto& p) { p.env[4].value = "ghp_renewed0123456789abcdef"; }), IsEmpty())
      << "a renewed token";
  EXPECT_THAT(unchanged([](auto& p) { p.env[2].value = "screen"; }), IsEmpty()) << "another terminal";
  EXPECT_THAT(
      unchanged([](auto& p) {
        p.mounts.push_back({.target = "/etc/java-21", .source = "/etc/java-21", .purpose = Purpose::system});
      }),
      IsEmpty())
      << "a package was installed";
  EXPECT_THAT(unchanged([](auto& p) {
                p.mounts[9].source = p.mounts[9].target = "/home/dev/.local/share/claude/versions/2.1.6";
              }),
              IsEmpty())
      << "the agent was updated";
  EXPECT_THAT(unchanged([](auto& p) { p.mounts[5].content = "other"; }), IsEmpty());
  EXPECT_THAT(unchanged([](auto& p) {
                p.mounts.push_back({.target = "/home/dev/src/app/.envrc",
                                    .source = "/home/dev/src/app/.envrc",
                                    .purpose = Purpose::protection});
              }),
              IsEmpty())
      << "one more cover";
}

TEST(Approval, OneGrantALineWhateverTheNames) {
  auto plan = hand_made_plan();
  plan.mounts.push_back(extra("/srv/a\nmount rw /"));
  plan.mounts.push_back(extra("/srv/b on c"));
  plan.mounts.push_back(extra("/srv/\"\\\xff"));
  const std::string text = approval_text(plan);
  EXPECT_THAT(text, Not(HasSubstr("\nmount rw /\n")));
  EXPECT_THAT(
      text, AllOf(HasSubstr("mount ro \"/srv/a\\x0amount rw /\"\n"), HasSubstr("mount ro \"/srv/b on c\"\n"),
                  HasSubstr("mount ro \"/srv/\\x22\\x5c\\xff\"\n")));
}

// What is stored must be no help in guessing a value.
TEST(Approval, KeepsEightBitsOfAValueAtMost) {
  auto plan = hand_made_plan();
  plan.env.back() = {.name = "PIN_PASSWORD", .value = "1234", .kind = EnvVar::Kind::extra};
  const std::string text = approval_text(plan);
  const std::size_t at = text.find("env PIN_PASSWORD with value #");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(text.find('\n', at) - text.find('#', at), 3U);
}

TEST(AuditDifference, IsEmptyForAnEqualPlan) {
  const auto plan = hand_made_plan();
  EXPECT_EQ(audit_difference(approval_text(plan), plan, {}), "");
}

TEST(AuditDifference, ShowsAWideningInColourAndEscapesWhatWasStored) {
  const auto plan = hand_made_plan();
  const std::string now = approval_text(plan);
  auto wider = plan;
  wider.mounts.push_back(extra("/srv/b"));
  EXPECT_EQ(audit_difference(now, wider, {.color = true}),
            "\x1b[1mchanged since you approved it\x1b[0m\n  \x1b[33m+\x1b[0m \x1b[33mmount ro "
            "/srv/b\x1b[0m\n");
  EXPECT_EQ(audit_difference(now + "\x1b[2J\n", plan, {}), "changed since you approved it\n  - \\x1b[2J\n");
  EXPECT_EQ(audit_difference(now + "a\na\n", plan, {}), "changed since you approved it\n  - a\n  - a\n");
}

TEST(AuditDifference, SaysWhyWhatIsNewIsSensitive) {
  auto after = hand_made_plan();
  after.mounts.push_back(extra("/home/dev/.aws"));
  after.env.push_back({.name = "NPM_TOKEN", .value = "x", .kind = EnvVar::Kind::extra, .from_host = true});
  EXPECT_EQ(difference(hand_made_plan(), after),
            "changed since you approved it\n"
            "▲ + mount ro /home/dev/.aws\n"
            "      AWS credentials: can read and write your AWS account\n"
            "▲ + env NPM_TOKEN from the host\n"
            "      an npm token by its name: can publish npm packages as you\n");
}

}  // namespace
}  // namespace claudebox::render
