#include "plan/lifted.h"

#include <algorithm>
#include <array>
#include <string>

namespace claudebox::plan {
namespace {

constexpr auto kLiftable = std::to_array<LiftableProtection>({
    {"git-config", "a box can write git's configuration, and the host's git runs commands that it names"},
    {"git-hooks", "a box can write git's hooks, and the host's git runs them"},
    {"git-remotes",
     "a box can write git's older files for remotes, and `git push` on the host goes where they say"},
    {"claude", "a box can write .claude/settings.json, and the agent runs the hooks in it on your host"},
    {"mcp", "a box can write .mcp.json, and the agent starts the servers in it on your host"},
    {"codex", "a box can write .codex/config.toml, and codex starts the servers in it on your host"},
    {"gemini", "a box can write .gemini/settings.json, and gemini starts the servers in it on your host"},
    {"opencode",
     "a box can write opencode.json and .opencode, and opencode runs what is in them on your host"},
    {"vscode", "a box can write .vscode, and the editor runs tasks and settings from it"},
    {"idea", "a box can write .idea, and the editor runs configurations from it"},
    {"envrc", "a box can write .envrc, and direnv runs it when you enter the directory"},
    {"husky", "a box can write .husky, and git hooks run what is in it"},
});

}  // namespace

std::span<const LiftableProtection> liftable_protections() {
  return kLiftable;
}

bool is_lifted(const Plan& plan, std::string_view name) {
  return std::any_of(plan.lifted.begin(), plan.lifted.end(),
                     [&](const LiftedProtection& lifted) { return lifted.name == name; });
}

void note_lifted(Plan& plan) {
  for (const auto& protection : kLiftable)
    for (const auto& lifted : plan.lifted)
      if (lifted.name == protection.name)
        plan.notes.push_back(
            {Note::Level::danger,
             "the protection " + lifted.name + " is lifted: " + std::string(protection.consequence),
             lifted.origin});
}

}  // namespace claudebox::plan
