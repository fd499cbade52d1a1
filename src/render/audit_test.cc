#include "render/audit.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "base/text.h"
#include "render/hand_made_plan.h"
#include "render/json.h"
#include "render/sensitive.h"
#include "render/width.h"

namespace claudebox::render {
namespace {

using plan::EnvVar;
using plan::Mount;
using plan::Note;
using plan::Purpose;
using plan::Tier;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// Takes out what the page may write, and nothing else: an escape sequence from outside stays in.
std::string without_colors(std::string text) {
  for (const std::string color :
       {"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[1;31m", "\x1b[32m", "\x1b[33m", "\x1b[36m"})
    for (auto at = text.find(color); at != std::string::npos; at = text.find(color, at))
      text.erase(at, color.size());
  return text;
}

std::vector<Style> every_style() {
  std::vector<Style> styles;
  for (const std::size_t width : {0U, 40U, 80U})
    for (int bits = 0; bits < 16; ++bits)
      styles.push_back({.color = (bits & 1) != 0,
                        .utf8 = (bits & 2) != 0,
                        .width = width,
                        .explain = (bits & 4) != 0,
                        .verbose = (bits & 8) != 0});
  return styles;
}

/// The hand-made plan with every text replaced or extended by something nasty.
plan::Plan hostile_plan(const std::string& nasty) {
  auto plan = hand_made_plan();
  plan.project.root += nasty;
  plan.project.directory += nasty;
  plan.project.origin.reason = nasty;
  plan.command.display = nasty + " " + nasty;
  plan.command.argv = {"/bin/" + nasty, nasty};
  plan.user = nasty;
  for (auto& mount : plan.mounts) {
    mount.target += nasty;
    mount.source += nasty;
    mount.origin.source = nasty;
    mount.origin.reason = nasty;
  }
  for (auto& variable : plan.env) {
    variable.name += nasty;
    variable.value = nasty + variable.value;
    variable.origin.source = nasty;
  }
  for (auto& stub : plan.stubs) stub.path += nasty;
  for (auto& watch : plan.watches) watch.name += nasty;
  for (auto& sweep : plan.sweeps) sweep.path += nasty;
  plan.notes.push_back({Note::Level::danger, nasty, {base::Origin::Kind::profile, nasty, nasty}});
  return plan;
}

const std::vector<std::string>& nasty_texts() {
  static const std::vector<std::string> texts = {"\x1b]0;owned\x07",
                                                 "\x1b[2J\x1b[31m",
                                                 "a\r\nProceed? [Y/n] y\n",
                                                 std::string("nul\0byte", 8),
                                                 "\xff\xfe\xc0\x80",
                                                 "\u202eevil\u202c",
                                                 "\u009b31m",
                                                 "tab\tand\vfeed\f",
                                                 "日本語日本語",
                                                 "'\"\\$(reboot)`id`",
                                                 " lead and trail ",
                                                 std::string(500, 'x'),
                                                 std::string(120, '/'),
                                                 "\u200b\ufeff",
                                                 ""};
  return texts;
}

// Nothing invisible, nothing that turns the direction or moves the cursor, no line longer than the terminal.
TEST(Audit, IsHarmlessAndKeepsToItsWidthWhateverTheNames) {
  for (const auto& nasty : nasty_texts()) {
    const auto plan = hostile_plan(nasty);
    for (const auto& style : every_style()) {
      const std::string text =
          without_colors(audit(plan, style) + audit_brief(plan, Standing::changed, style) +
                         audit_difference(nasty, plan, style));
      std::string joined = text;
      std::replace(joined.begin(), joined.end(), '\n', ' ');
      ASSERT_EQ(base::escape_for_terminal(joined), joined);
      if (!style.utf8) {
        ASSERT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c > 0; }));
      }
      for (const auto& line : base::split(text, '\n'))
        ASSERT_LE(text_width(line), std::max<std::size_t>(style.width, 24)) << line;
    }
  }
}

TEST(Audit, ColoursChangeNothingButTheColour) {
  const auto plan = hand_made_plan();
  EXPECT_EQ(without_colors(audit(plan, {.color = true})), audit(plan, {}));
  EXPECT_EQ(audit(plan, {}).find('\x1b'), std::string::npos);
}

// AUD-1: the values of secrets are in no rendering, wherever in the plan they stand.
TEST(Audit, NoRenderingShowsASecret) {
  auto plan = hand_made_plan();
  const std::string by_name = "correct horse battery";
  const std::string by_shape = "sk-ant-api03-0123456789abcdef";
  plan.env.push_back({.name = "APP_PASSWORD", .value = by_name, .kind = EnvVar::Kind::extra});
  plan.env.push_back({.name = "INNOCENT", .value = by_shape, .kind = EnvVar::Kind::host, .from_host = true});
  plan.command.display = "curl -H '" + by_shape + "' -u " + by_name;
  plan.command.argv = {"/usr/bin/curl", by_shape, by_name};
  plan.notes.push_back({Note::Level::info,
                        "uses " + by_name + " and " + by_shape,
                        {base::Origin::Kind::flag, "--env APP_PASSWORD=" + by_name, by_shape}});
  for (const auto& style : every_style()) {
    EXPECT_THAT(audit(plan, style), AllOf(Not(HasSubstr("horse")), Not(HasSubstr("0123456789abcdef"))));
    EXPECT_THAT(audit_brief(plan, Standing::approved, style) + audit_difference("", plan, style),
                AllOf(Not(HasSubstr("horse")), Not(HasSubstr("0123456789abcdef"))));
  }
  EXPECT_THAT(plan_json(plan), AllOf(Not(HasSubstr("horse")), Not(HasSubstr("0123456789abcdef"))));
  EXPECT_THAT(approval_text(plan), AllOf(Not(HasSubstr("horse")), Not(HasSubstr("0123456789abcdef"))));
}

TEST(Audit, SaysWhatEachTierReaches) {
  auto plan = hand_made_plan();
  EXPECT_THAT(audit(plan, {}), AllOf(HasSubstr("the LAN"), HasSubstr("loopback"), HasSubstr("cloud metadata"),
                                     HasSubstr("but not")));
  plan.scope_abstract_sockets = false;
  EXPECT_THAT(audit(plan, {.width = 200}),
              AllOf(HasSubstr("and the host's abstract sockets"), Not(HasSubstr("but not"))));
  plan.network.value = Tier::offline;
  EXPECT_THAT(audit(plan, {}), AllOf(HasSubstr("offline"), HasSubstr("nothing but the box's own loopback"),
                                     Not(HasSubstr("the LAN"))));
}

/// hand_made_plan() with everything that can be opened in a network of its own.
plan::Plan with_network(Tier tier) {
  auto plan = hand_made_plan();
  const auto flag = [](const std::string& source) {
    return base::Origin{base::Origin::Kind::flag, source, "asked for"};
  };
  plan.network.value = tier;
  if (tier == Tier::allowlist)
    plan.net.allow = {{"example.org", flag("--allow example.org")},
                      {"*.npmjs.org", flag("--allow *.npmjs.org")}};
  plan.net.lan = {{"10.0.0.5/32", "", 3128, flag("--lan 10.0.0.5:3128")}, {"", "nas", 0, flag("--lan nas")}};
  plan.net.publish = {{8080, 3000, flag("--publish 8080:3000")}};
  plan.net.reach = {{5432, flag("--reach 5432")}, {2375, flag("--reach 2375")}};
  return plan;
}

TEST(Audit, SaysWhatIsOpened) {
  const std::string internet = audit(with_network(Tier::internet), {.width = 200});
  for (const std::string part :
       {"every public address", "but not", "your local network, VPNs, this machine, cloud metadata",
        "10.0.0.5/32 port 3128\n", "nas\n", "port 3000 of the box, at localhost:8080 of this machine",
        "port 5432 of this machine, at localhost:5432 in the box", "Docker"})
    EXPECT_THAT(internet, HasSubstr(part));
  EXPECT_THAT(internet, Not(HasSubstr("allowed")));
  EXPECT_THAT(
      audit(with_network(Tier::allowlist), {}),
      AllOf(HasSubstr("  allowed        example.org  *.npmjs.org\n"), HasSubstr("not even looked up")));
}

TEST(Audit, WhatIsOpenedExplainsItself) {
  const std::string text = audit(with_network(Tier::allowlist), {.width = 200, .explain = true});
  for (const std::string source : {"--allow example.org", "--allow *.npmjs.org", "--lan 10.0.0.5:3128",
                                   "--lan nas", "--publish 8080:3000", "--reach 5432", "--reach 2375"})
    EXPECT_THAT(text, HasSubstr("asked for (flag: " + source + ")"));
}

TEST(Audit, PrivateDestinationsAreRedAndCounted) {
  const std::string text = audit(with_network(Tier::internet), {.color = true});
  EXPECT_THAT(text,
              AllOf(HasSubstr("\x1b[1;31m10.0.0.5/32 port 3128\x1b[0m"), HasSubstr("\x1b[1;31mnas\x1b[0m")));
  EXPECT_THAT(text, HasSubstr("7 grants give away"));  // 4 without the network, 2 lan, Docker
  EXPECT_THAT(lan_danger({"10.0.0.5/32", "", 80, {}}), "one address that is not public (private)");
  EXPECT_THAT(lan_danger({"10.0.0.0/8", "", 0, {}}),
              "a whole network that is not public (private), on every port");
  EXPECT_THAT(lan_danger({"100.64.0.7/32", "", 80, {}}), HasSubstr("carrier or VPN"));
  EXPECT_THAT(lan_danger({"1.1.1.1/32", "", 80, {}}), "one address, whatever its name");
  EXPECT_THAT(lan_danger({"", "nas", 0, {}}),
              AllOf(HasSubstr("whatever private address"), HasSubstr("every port")));
  EXPECT_THAT(reach_danger({5432, {}}), "");
  EXPECT_THAT(reach_danger({2376, {}}), HasSubstr("root"));
  EXPECT_THAT(reach_danger({6063, {}}), HasSubstr("X11"));
  EXPECT_THAT(reach_danger({6064, {}}), "");
}

TEST(Audit, EveryMountShowsUpWhenVerbose) {
  const auto plan = hand_made_plan();
  const std::string text = audit(plan, {.width = 200, .verbose = true});
  for (const auto& mount : plan.mounts) {
    std::string name = base::with_tilde(mount.target, plan.user_home);
    if (mount.purpose == Purpose::protection && mount.target.starts_with(plan.project.root + "/"))
      name = mount.target.substr(plan.project.root.size() + 1);
    EXPECT_THAT(text, HasSubstr(name));
  }
  for (const auto& variable : plan.env) EXPECT_THAT(text, HasSubstr(variable.name + "="));
}

TEST(Audit, MarksTheOriginOfVariables) {
  const std::string text = audit(hand_made_plan(), {.verbose = true});
  EXPECT_THAT(text, HasSubstr("[~]            HOME=/home/dev"));
  EXPECT_THAT(text, HasSubstr("[>]            TERM=xterm-256color"));
  EXPECT_THAT(text, HasSubstr("[+]            GH_TOKEN=ghp_012...abcd"));
}

TEST(Audit, ExplainSaysWhereEachGrantComesFrom) {
  const auto plan = hand_made_plan();
  const std::string text = audit(plan, {.width = 200, .explain = true});
  for (const auto& mount : plan.mounts)
    if (mount.purpose == Purpose::extra) {
      EXPECT_THAT(text, HasSubstr("(flag: " + mount.origin.source + ")"));
    }
  EXPECT_THAT(text, HasSubstr("on PATH: .nvm (found: PATH)"));
  EXPECT_THAT(audit(plan, {.width = 200}), Not(HasSubstr("(flag:")));
}

TEST(Audit, DangerIsRedAndCounted) {
  auto plan = hand_made_plan();
  EXPECT_THAT(audit(plan, {.color = true}), HasSubstr("\x1b[1;31m~/.ssh\x1b[0m"));
  EXPECT_THAT(audit(plan, {}), HasSubstr("4 grants give away more than a box needs"));
  std::erase_if(plan.mounts, [](const Mount& mount) { return mount.purpose == Purpose::extra; });
  std::erase_if(plan.env, [](const EnvVar& variable) { return variable.kind == EnvVar::Kind::extra; });
  EXPECT_THAT(audit(plan, {.color = true}), AllOf(Not(HasSubstr("1;31m")), Not(HasSubstr("give away"))));
}

TEST(AuditBrief, IsTwoLinesAndCountsWhatTheWholeAuditMarks) {
  auto plan = hand_made_plan();
  plan.files = {{plan::SettingsFile::Kind::profile, std::string(64, 'n'), "/x"}};
  plan.login = {.mode = {plan::LoginMode::env, {}},
                .variables = {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"}};
  plan.command.display = std::string(300, 'c') + "\n";
  plan.project.root += "/" + std::string(300, 'p');
  for (std::size_t width = 30; width <= 120; ++width) {
    for (const auto standing : {Standing::approved, Standing::changed}) {
      const std::string text = audit_brief(plan, standing, {.width = width});
      EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
      for (const auto& line : base::split(text, '\n')) EXPECT_LE(text_width(line), width) << text;
      EXPECT_THAT(text, AllOf(HasSubstr("full"), HasSubstr("▲ 4"), HasSubstr("claudebox plan"))) << width;
    }
  }
  EXPECT_THAT(audit(plan, {}), HasSubstr("▲ 4 grants give away more"));
}

TEST(AuditBrief, SaysWhichBoxItIs) {
  auto plan = hand_made_plan();
  plan.files = {{plan::SettingsFile::Kind::profile, "web", "/x"}};
  plan.login = {.mode = {plan::LoginMode::broker, {}}, .subscription = "max"};
  EXPECT_EQ(audit_brief(plan, Standing::approved, {}),
            "claudebox  make test in ~/src/app · network full · as approved\n"
            "           profile web · login yours · ▲ 4 sensitive · △ 1 note · claudebox plan\n");
  EXPECT_EQ(audit_brief(plan, Standing::changed, {.width = 40}),
            "make test in ~/src/app · full · changed\n"
            "login yours · ▲ 4 · claudebox plan\n");
}

// Nothing that rendering does depends on anything but the plan.
TEST(Audit, IsTheSameEveryTime) {
  EXPECT_EQ(audit(hand_made_plan(), {}), audit(hand_made_plan(), {}));
  EXPECT_EQ(audit(plan::Plan{}, {}), audit(plan::Plan{}, {}));  // and an empty plan harms nothing
}

}  // namespace
}  // namespace claudebox::render
