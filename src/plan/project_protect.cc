// What agents, editors and shells run from a project, whether it is in git or not (BOX-10).
#include <array>

#include "base/path.h"
#include "plan/git.h"
#include "plan/lifted.h"
#include "plan/protection.h"

namespace claudebox::plan {
namespace {

struct Runs {
  std::string_view key;  ///< what lifts it; nothing lifts the file that could say so
  std::string_view path;
  std::string_view reason;
};
constexpr std::array kRuns = {
    Runs{"", ".claudebox.toml", "claudebox takes grants from it"},
    Runs{"claude", ".claude/settings.json", "the agent runs the hooks in it on your host"},
    Runs{"claude", ".claude/settings.local.json", "the agent runs the hooks in it on your host"},
    Runs{"mcp", ".mcp.json", "the agent starts the servers in it on your host"},
    // Each of these was seen to run what it names, with the agents of plan/agent_table.cc.
    Runs{"codex", ".codex/config.toml", "codex starts the servers in it on your host"},
    Runs{"gemini", ".gemini/settings.json", "gemini starts the servers in it on your host"},
    Runs{"opencode", "opencode.json", "opencode starts the servers in it on your host"},
    Runs{"opencode", "opencode.jsonc", "opencode starts the servers in it on your host"},
    Runs{"opencode", ".opencode/plugin", "opencode runs what is in it on your host"},
    Runs{"opencode", ".opencode/plugins", "opencode runs what is in it on your host"},
    Runs{"opencode", ".opencode/tool", "opencode runs what is in it on your host"},
    Runs{"opencode", ".opencode/tools", "opencode runs what is in it on your host"},
    Runs{"vscode", ".vscode", "the editor runs tasks and settings from it"},
    Runs{"idea", ".idea", "the editor runs configurations from it"},
    Runs{"envrc", ".envrc", "direnv runs it when you enter the directory"},
    Runs{"husky", ".husky", "git hooks run what is in it"},
};

}  // namespace

void plan_project_protection(const sys::HostView& host, Plan& plan) {
  if (plan.project.read_only) return;
  Protection protection(host, plan, "project protection");
  for (const auto& runs : kRuns) {
    const std::string path = base::path_join(plan.project.root, runs.path);
    // A missing one is not made up: git status would show it. It is reported at the end when it is new; one that
    // exists is, too, since the host may replace it and so lift the cover.
    protection.sweep(path, std::string(runs.reason));
    if (!is_lifted(plan, runs.key)) protection.cover_named(path, std::string(runs.reason));
  }
  // The user's profiles may be links into a project, the dotfiles: what the next box gets is not for this one to say.
  for (const auto& file : plan.files)
    if (file.kind != SettingsFile::Kind::project && base::is_within(file.path, plan.project.root)) {
      protection.sweep(file.path, "claudebox takes grants from it");
      protection.cover_named(file.path, "claudebox takes grants from it");
    }
}

}  // namespace claudebox::plan
