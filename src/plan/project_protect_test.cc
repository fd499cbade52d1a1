#include <gmock/gmock.h>

#include "git_host.h"

namespace claudebox::plan {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ProjectProtection, CoversWhatExistsAndReportsWhatComes) {
  auto host = repository();
  host.file(kProject + "/.envrc").file(kProject + "/.claude/settings.json").directory(kProject + "/.vscode");
  const Plan plan = protect(host);
  for (const std::string path : {"/.envrc", "/.claude/settings.json", "/.vscode"})
    EXPECT_TRUE(is_covered(plan, kProject + path));
  EXPECT_TRUE(is_pinned(plan, kProject + "/.claude"));
  EXPECT_FALSE(is_covered(plan, kProject + "/.mcp.json"));
  EXPECT_THAT(plan.sweeps, Contains(Field(&Sweep::path, kProject + "/.mcp.json")));
  EXPECT_THAT(plan.sweeps,
              Contains(Field(&Sweep::path, kProject + "/.envrc")));  // replaced by the host, perhaps
}

TEST(ProjectProtection, CoversWhatEveryAgentRuns) {
  auto host = repository();
  host.file(kProject + "/.codex/config.toml")
      .file(kProject + "/.codex/skills/s/SKILL.md")
      .file(kProject + "/.gemini/settings.json")
      .file(kProject + "/opencode.json")
      .directory(kProject + "/.opencode/plugin")
      .directory(kProject + "/.opencode/command");
  const Plan plan = protect(host);
  for (const std::string path :
       {"/.codex/config.toml", "/.gemini/settings.json", "/opencode.json", "/.opencode/plugin"})
    EXPECT_TRUE(is_covered(plan, kProject + path)) << path;
  for (const std::string path : {"/.codex/skills", "/.opencode/command"})
    EXPECT_FALSE(is_covered(plan, kProject + path)) << path;
  EXPECT_THAT(plan.sweeps, Contains(Field(&Sweep::path, kProject + "/.opencode/tools")));
}

TEST(ProjectProtection, LinksAreCoveredWhereTheyLead) {
  auto host = repository();
  host.symlink(kProject + "/.vscode", "conf/code").file(kProject + "/conf/code/tasks.json");
  host.symlink(kProject + "/.claude", "/home/dev/shared-claude")
      .file("/home/dev/shared-claude/settings.json");
  host.symlink(kProject + "/.idea", ".");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kProject + "/conf/code"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/conf"));
  EXPECT_FALSE(is_covered(plan, kProject + "/.vscode"));
  for (const auto& mount : plan.mounts) EXPECT_THAT(mount.target, Not(HasSubstr("shared-claude")));
  EXPECT_THAT(plan.notes, Contains(Field(&Note::level, Note::Level::danger)));
}

// A box in the dotfiles must not write what the next box gets.
TEST(ProjectProtection, CoversTheUsersProfilesThatAreLinksIntoTheProject) {
  auto host = repository();
  host.file(kProject + "/claudebox/web.toml").file("/home/dev/.claudebox/profiles/own.toml");
  Plan plan;
  plan.user_home = "/home/dev";
  plan.project = {.root = kProject, .directory = kProject, .canonical_root = kProject, .origin = {}};
  plan.files = {{SettingsFile::Kind::profile, "web", kProject + "/claudebox/web.toml"},
                {SettingsFile::Kind::profile, "own", "/home/dev/.claudebox/profiles/own.toml"}};
  plan_project_protection(host, plan);
  EXPECT_TRUE(is_covered(plan, kProject + "/claudebox/web.toml"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/claudebox"));
  EXPECT_FALSE(is_covered(plan, "/home/dev/.claudebox/profiles/own.toml"));
}

}  // namespace
}  // namespace claudebox::plan
