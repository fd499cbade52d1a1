// The agents, one row each. What a row says was measured with the real program, at the version that script/fetch-agent
// pins.
#include "plan/agent_state.h"

namespace claudebox::plan {
namespace {

Agent claude() {
  return {
      .name = "claude",
      .command = "claude",
      .usual_places = {".local/bin/claude", ".claude/local/node_modules/.bin/claude",
                       ".volta/tools/image/packages/@anthropic-ai/claude-code/bin/claude", ".bun/bin/claude"},
      .unattended_flags = {"--dangerously-skip-permissions"},
      .state_directory = ".claude",
      .state_variable = "CLAUDE_CONFIG_DIR",
      .state_holds = "its state, with .claude.json inside",
      .shown = {"skills", "agents", "commands", "output-styles", "rules", "themes", "workflows", "hooks",
                "keybindings.json"},
      .memory_file = "/etc/claude-code/CLAUDE.md",
      .variables = {{"DISABLE_AUTOUPDATER", "1", "its program is read-only in the box"},
                    {"CLAUDE_CODE_IDE_SKIP_AUTO_INSTALL", "1", "no editor of yours is in the box"},
                    // Without it the agent refuses to run unattended as root. It means what it says.
                    {"IS_SANDBOX", "1", "tells it that it is in a sandbox"}},
      .choices = {"DISABLE_TELEMETRY",
                  "DISABLE_ERROR_REPORTING",
                  "DISABLE_COST_WARNINGS",
                  "DISABLE_PROMPT_CACHING",
                  "DO_NOT_TRACK",
                  "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
                  "CLAUDE_CODE_DISABLE_TERMINAL_TITLE",
                  "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
                  "CLAUDE_CODE_EFFORT_LEVEL",
                  "CLAUDE_CODE_SUBAGENT_MODEL",
                  "ANTHROPIC_MODEL",
                  "ANTHROPIC_SMALL_FAST_MODEL",
                  "ANTHROPIC_DEFAULT_OPUS_MODEL",
                  "ANTHROPIC_DEFAULT_SONNET_MODEL",
                  "ANTHROPIC_DEFAULT_HAIKU_MODEL",
                  "MAX_THINKING_TOKENS",
                  "MAX_MCP_OUTPUT_TOKENS",
                  "MCP_TIMEOUT",
                  "BASH_DEFAULT_TIMEOUT_MS",
                  "BASH_MAX_TIMEOUT_MS",
                  "BASH_MAX_OUTPUT_LENGTH"},
      .install_hint =
          "install Claude Code (npm install -g @anthropic-ai/claude-code), or run another "
          "command: claudebox run COMMAND",
      .login =
          {.variables = {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"},
           .file = ".credentials.json",
           .directory_variable = "CLAUDE_SECURESTORAGE_CONFIG_DIR",
           .directory_since = "2.1.144",
           // Not "auth status": that gives up after 8 seconds in the middle of a renewal, and the login is lost.
           .renewal = {"mcp", "list"}},
      .own_part = plan_claude,
  };
}

}  // namespace

const std::vector<Agent>& agents() {
  static const std::vector<Agent> kAgents = {claude()};
  return kAgents;
}

const Agent& default_agent() {
  return agents().front();
}

}  // namespace claudebox::plan
