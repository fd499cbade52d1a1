#include "profile/project.h"

#include <gmock/gmock.h>

#include <map>

#include "plan/limits.h"
#include "profile_host.h"

namespace claudebox::profile {
namespace {

using claudebox::testing::all_of;
using plan::Tier;
using ::testing::HasSubstr;

constexpr const char* kProject = "/home/dev/src/p";
constexpr const char* kFile = "/home/dev/src/p/.claudebox.toml";

class Project : public ::testing::Test {
 protected:
  Judged judged(const std::string& text) {
    base::Diagnostics problems;
    auto out = judge({kProjectFile, text, kFile}, asked_, host_, problems);
    EXPECT_TRUE(problems.empty()) << all_of(problems);
    return out;
  }
  Effect effect(const std::string& text) {
    const auto out = judged(text);
    if (!out.waiting.empty()) {
      EXPECT_TRUE(out.allowed.empty()) << text;
      return Effect::widens;
    }
    plan::Request before = asked_;
    plan::Request after = asked_;
    base::Diagnostics unused;
    apply(out.allowed, {host_, kProject}, after);
    before.network.origin = after.network.origin;
    before.nested.origin = after.nested.origin;
    before.always_ask.origin = after.always_ask.origin;
    for (std::size_t i = 0; i < before.limits.size() && i < after.limits.size(); ++i)
      before.limits[i].origin = after.limits[i].origin;
    if (before.lifted.size() == after.lifted.size()) before.lifted = after.lifted;
    if (before.login && after.login) before.login->origin = after.login->origin;
    if (before.devshell && after.devshell) before.devshell->origin = after.devshell->origin;
    if (before.nix_daemon && after.nix_daemon) before.nix_daemon = after.nix_daemon;
    return before == after ? Effect::nothing : Effect::tightens;
  }
  void approve(const std::string& text, const std::string& path = kFile) {
    const std::string stored = approval_path(host_, path);
    host_.directory(claudebox::testing::kStateRoot, 0700);
    host_.file(stored, format_approval({path, text}), 0600);
  }
  claudebox::testing::ProfileHost host_;
  plan::Request asked_;
};

struct EffectCase {
  std::string key, value;
  Effect expected;
};

/// PROF-4, for every key, beside a request with nothing but defaults.
TEST_F(Project, EveryKeyTightensOrWidens) {
  const std::vector<EffectCase> cases = {
      {"extends", "[\"base\"]", Effect::widens},
      {"network", "\"offline\"", Effect::tightens},
      {"network", "\"allowlist\"", Effect::tightens},
      {"network", "\"internet\"", Effect::nothing},
      {"network", "\"full\"", Effect::widens},
      {"allow", "[\"a.org\"]", Effect::tightens},
      {"publish", "[\"80\"]", Effect::widens},
      {"reach", "[\"80\"]", Effect::widens},
      {"lan", "[\"10.0.0.5\"]", Effect::widens},
      {"mounts", "[\"~/data:ro\"]", Effect::widens},
      {"mounts", "[\"../../../../etc\"]", Effect::widens},
      {"env", "[\"TOKEN\"]", Effect::widens},
      {"agent", "\"codex\"", Effect::widens},
      {"agent", "\"claude\"", Effect::nothing},
      {"auth", "\"none\"", Effect::tightens},
      {"auth", "\"env\"", Effect::widens},
      {"auth", "\"broker\"", Effect::widens},
      {"auth", "\"store:x\"", Effect::widens},
      {"packages", "[\"hello\"]", Effect::widens},
      {"packages", "[\"./flake#x\"]", Effect::widens},
      {"devshell", "true", Effect::widens},
      {"devshell", "false", Effect::nothing},
      {"devshell", "\"github:owner/repo\"", Effect::widens},
      {"nested", "false", Effect::tightens},
      {"nested", "true", Effect::nothing},
      {"audit", "\"always\"", Effect::tightens},
      {"audit", "\"changed\"", Effect::nothing},
      {"nix-daemon", "true", Effect::widens},
      {"nix-daemon", "false", Effect::nothing},
      {"nix-daemon-network", "true", Effect::widens},
      {"nix-daemon-network", "false", Effect::nothing},
  };
  std::map<std::string, int> seen;
  host_.profile("base", "");
  for (const auto& [key, value, expected] : cases) {
    EXPECT_EQ(effect(key + " = " + value), expected) << key << " = " << value;
    ++seen[key];
  }
  for (const auto& key : keys()) {
    if (key.table() == "limits") {
      const std::string value(key.value.substr(0, key.value.find('|')));
      EXPECT_EQ(effect("[limits]\n" + std::string(key.leaf()) + " = \"" + value + "\""), Effect::tightens)
          << key.name;
      EXPECT_EQ(effect("[limits]\n" + std::string(key.leaf()) + " = \"none\""), Effect::nothing) << key.name;
    } else if (key.table() == "protect") {
      EXPECT_EQ(effect("[protect]\n" + std::string(key.leaf()) + " = false"), Effect::widens) << key.name;
      EXPECT_EQ(effect("[protect]\n" + std::string(key.leaf()) + " = true"), Effect::nothing) << key.name;
    } else {
      EXPECT_TRUE(seen.contains(std::string(key.name))) << key.name << " has no case";
    }
  }
}

/// The same against a user who asked for something else.
TEST_F(Project, WhatWidensDependsOnWhatWasAsked) {
  asked_.network.value = Tier::offline;
  EXPECT_EQ(effect("network = \"allowlist\""), Effect::widens);
  EXPECT_EQ(effect("allow = [\"a.org\"]"), Effect::widens);
  asked_.network.value = Tier::allowlist;
  EXPECT_EQ(effect("allow = [\"a.org\"]"), Effect::widens);
  EXPECT_EQ(effect("network = \"internet\""), Effect::widens);
  asked_.network.value = Tier::full;
  EXPECT_EQ(effect("network = \"internet\""), Effect::tightens);
  asked_.nested.value = false;
  EXPECT_EQ(effect("nested = true"), Effect::widens);
  asked_.always_ask.value = true;
  EXPECT_EQ(effect("audit = \"changed\""), Effect::widens);
  asked_.login = plan::Setting<plan::LoginMode>{plan::LoginMode::store, {}};
  asked_.login_store = "work";
  EXPECT_EQ(effect("auth = \"store:work\""), Effect::nothing);
  EXPECT_EQ(effect("auth = \"store:other\""), Effect::widens);
  asked_.devshell = plan::PackageRequest{".", {}, true, {}};
  EXPECT_EQ(effect("devshell = true"), Effect::nothing);
  EXPECT_EQ(effect("devshell = false"), Effect::tightens);
  EXPECT_EQ(effect("devshell = \".#ci\""), Effect::widens);
  EXPECT_EQ(effect("devshell = \"./sub\""), Effect::widens);
  asked_.devshell = plan::PackageRequest{"github:owner/repo", "x", false, {}};
  EXPECT_EQ(effect("devshell = \"github:owner/repo#x\""), Effect::nothing);
  EXPECT_EQ(effect("devshell = \"github:owner/repo#y\""), Effect::widens);
  asked_.nix_daemon = base::Origin{};
  EXPECT_EQ(effect("nix-daemon = true"), Effect::nothing);
  EXPECT_EQ(effect("nix-daemon = false"), Effect::tightens);
  asked_.nix_daemon_network = true;
  EXPECT_EQ(effect("nix-daemon-network = false"), Effect::tightens);
  using plan::LimitKind;
  const std::vector<std::pair<LimitKind, std::uint64_t>> limits = {{LimitKind::memory, 8ULL << 30},
                                                                   {LimitKind::cpu, 150},
                                                                   {LimitKind::processes, 500},
                                                                   {LimitKind::open_files, 4096}};
  for (const auto& [kind, amount] : limits) {
    asked_.limits = {{kind, amount, {}}};
    const std::string name = plan::limit_name(kind);
    const auto with = [&](std::uint64_t other) {
      return effect("[limits]\n" + name + " = \"" + plan::limit_amount(kind, other) + "\"");
    };
    EXPECT_EQ(with(amount), Effect::nothing) << name;
    EXPECT_EQ(with(amount - amount / 4), Effect::tightens) << name;
    EXPECT_EQ(with(amount * 2), Effect::widens) << name;
    EXPECT_EQ(effect("[limits]\n" + name + " = \"none\""), Effect::widens) << name;
  }
  asked_.limits.clear();
  asked_.lifted = {{"vscode", {}}};
  EXPECT_EQ(effect("[protect]\nvscode = true"), Effect::tightens);
  EXPECT_EQ(effect("[protect]\nvscode = false"), Effect::nothing);
}

TEST_F(Project, WhatTightensAppliesWhileTheRestWaits) {
  const auto out = judged("network = \"offline\"\nenv = [\"TOKEN\"]\n");
  ASSERT_EQ(out.waiting.size(), 1U);
  EXPECT_EQ(describe(out.waiting.front()), "env \"TOKEN\" (line 2)");
  ASSERT_EQ(out.allowed.size(), 1U);
  EXPECT_EQ(out.allowed.front().key->name, "network");
}

TEST_F(Project, AnApprovalIsForThisTextAtThisPath) {
  const std::string text = "env = [\"TOKEN\"]\n";
  approve(text);
  EXPECT_TRUE(judged(text).approved);
  EXPECT_EQ(judged(text).allowed.size(), 1U);
  EXPECT_FALSE(judged(text + "#\n").approved);
  EXPECT_TRUE(judged(text + "#\n").allowed.empty());
  base::Diagnostics problems;
  // Copied, or moved: another path.
  EXPECT_FALSE(
      judge({kProjectFile, text, "/home/dev/src/q/.claudebox.toml"}, asked_, host_, problems).approved);
}

TEST_F(Project, AnApprovalOfAnotherPathDoesNotCountWhereverItLies) {
  const std::string text = "env = [\"TOKEN\"]\n";
  const std::string other = "/home/dev/src/q/.claudebox.toml";
  host_.directory(claudebox::testing::kStateRoot, 0700);
  host_.file(approval_path(host_, kFile), format_approval({other, text}), 0600);
  EXPECT_FALSE(judged(text).approved);
  // Half of one, or one that was tampered with.
  const std::string whole = format_approval({kFile, text});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    host_.file(approval_path(host_, kFile), whole.substr(0, length), 0600);
    EXPECT_FALSE(judged(text).approved) << length;
  }
}

TEST_F(Project, AnApprovalThatOthersMayHaveWrittenIsAProblem) {
  const std::string text = "env = [\"TOKEN\"]\n";
  approve(text);
  host_.mode(approval_path(host_, kFile), 0666);
  base::Diagnostics problems;
  EXPECT_FALSE(judge({kProjectFile, text, kFile}, asked_, host_, problems).approved);
  EXPECT_THAT(all_of(problems), HasSubstr("can be written by others"));
}

TEST_F(Project, AnApprovedFileMayExtendTheUsersProfiles) {
  host_.profile("base", "env = [\"A\"]\nnetwork = \"full\"\n");
  const std::string text = "extends = [\"base\"]\nnetwork = \"offline\"\n";
  EXPECT_EQ(judged(text).waiting.size(), 1U);
  approve(text);
  EXPECT_EQ(judged(text).allowed.size(), 2U);
}

TEST_F(Project, TheFileIsARegularOneWhoeverOwnsIt) {
  base::Diagnostics problems;
  EXPECT_FALSE(read_project_file(host_, kProject, problems));
  EXPECT_TRUE(problems.empty());
  host_.file(kFile, "network = \"offline\"", 0666).owner(kFile, 4711);
  EXPECT_EQ(read_project_file(host_, kProject, problems)->text, "network = \"offline\"");
  EXPECT_TRUE(problems.empty());
  for (const auto kind : {sys::FileKind::fifo, sys::FileKind::device, sys::FileKind::socket}) {
    host_.other(kFile, kind);
    EXPECT_FALSE(read_project_file(host_, kProject, problems));
  }
  host_.symlink(kFile, "/etc/passwd");
  EXPECT_FALSE(read_project_file(host_, kProject, problems));
  host_.file(kFile, std::string(300'000, '#'));
  EXPECT_FALSE(read_project_file(host_, kProject, problems));
  EXPECT_EQ(problems.items().size(), 5U);
}

TEST_F(Project, OnlyWhereThereMayBeOneIsItLookedFor) {
  host_.directory(std::string(kProject) + "/a/b");
  EXPECT_FALSE(may_have_project_file(host_, std::string(kProject) + "/a/b"));
  host_.file(kFile, "");
  EXPECT_TRUE(may_have_project_file(host_, std::string(kProject) + "/a/b"));
  EXPECT_FALSE(may_have_project_file(host_, "/home/dev"));
}

}  // namespace
}  // namespace claudebox::profile
