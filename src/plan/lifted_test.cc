#include "plan/lifted.h"

#include <gmock/gmock.h>

#include <map>

#include "git_host.h"

namespace claudebox::plan {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;

/// A project with something of every kind.
FakeHost everything() {
  auto host = repository("[core]\n\tfsmonitor = tools/watch\n[include]\n\tpath = ../extra.config\n");
  host.file(kProject + "/tools/watch").file(kProject + "/extra.config");
  for (const auto* file : {"/.claude/settings.json", "/.mcp.json", "/.vscode/tasks.json", "/.idea/x.xml",
                           "/.envrc", "/.husky/pre-commit", "/.claudebox.toml", "/.codex/config.toml",
                           "/.gemini/settings.json", "/opencode.json", "/.opencode/plugin/x.js"})
    host.file(kProject + file);
  return host;
}

Plan with_lifted(const std::string& name) {
  const auto host = everything();
  Plan plan;
  plan.user_home = "/home/dev";
  plan.project = {.root = kProject, .directory = kProject, .canonical_root = kProject, .origin = {}};
  if (!name.empty()) plan.lifted = {{name, {base::Origin::Kind::profile, "web.toml:9", "asked for"}}};
  std::string problem;
  plan_repository(host, find_repository(host, kProject, problem), plan);
  plan_project_protection(host, plan);
  note_lifted(plan);
  return plan;
}

const std::map<std::string, std::vector<std::string>> kCovers = {
    {"git-config", {"/.git/config", "/.git/config.worktree", "/extra.config", "/tools/watch"}},
    {"git-hooks", {"/.git/hooks"}},
    {"git-remotes", {"/.git/remotes", "/.git/branches"}},
    {"claude", {"/.claude/settings.json"}},
    {"mcp", {"/.mcp.json"}},
    {"codex", {"/.codex/config.toml"}},
    {"gemini", {"/.gemini/settings.json"}},
    {"opencode", {"/opencode.json", "/.opencode/plugin"}},
    {"vscode", {"/.vscode"}},
    {"idea", {"/.idea"}},
    {"envrc", {"/.envrc"}},
    {"husky", {"/.husky"}},
};

TEST(Lifted, EachKeyLiftsItsOwnAndNothingElse) {
  ASSERT_EQ(kCovers.size(), liftable_protections().size());
  for (const auto& lifted : liftable_protections()) {
    const std::string name(lifted.name);
    const Plan plan = with_lifted(name);
    for (const auto& [key, paths] : kCovers)
      for (const auto& path : paths)
        EXPECT_EQ(is_covered(plan, kProject + path), key != name) << path << " without " << name;
    EXPECT_TRUE(is_covered(plan, kProject + "/.claudebox.toml")) << name;
    EXPECT_TRUE(is_covered(plan, kGit + "/commondir")) << name;
  }
}

TEST(Lifted, ItIsSaidInRed) {
  for (const auto& lifted : liftable_protections()) {
    const Plan plan = with_lifted(std::string(lifted.name));
    EXPECT_THAT(plan.notes,
                Contains(::testing::AllOf(
                    Field(&Note::level, Note::Level::danger),
                    Field(&Note::text, HasSubstr("the protection " + std::string(lifted.name))))));
  }
  EXPECT_THAT(with_lifted("").notes, Not(Contains(Field(&Note::level, Note::Level::danger))));
}

TEST(Lifted, WhatChangedIsStillReported) {
  EXPECT_THAT(with_lifted("envrc").sweeps, Contains(Field(&Sweep::path, kProject + "/.envrc")));
  EXPECT_THAT(with_lifted("git-hooks").sweeps, Contains(Field(&Sweep::path, kGit + "/hooks")));
  EXPECT_THAT(with_lifted("git-config").sweeps, Contains(Field(&Sweep::path, kGit + "/config")));
}

}  // namespace
}  // namespace claudebox::plan
