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
      .shown_words = "skills, agents, commands and memory",
      .memory_file = "/etc/claude-code/CLAUDE.md",
      .project_directory = ".claude/",
      .resume = "--continue",
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
      .hosts = {"api.anthropic.com"},
      .install_hint =
          "install Claude Code (npm install -g @anthropic-ai/claude-code), or run another "
          "command: claudebox run COMMAND",
      .login =
          {.variables = {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"},
           .file = ".credentials.json",
           .directory_variable = "CLAUDE_SECURESTORAGE_CONFIG_DIR",
           .directory_since = "2.1.144",
           // Not "auth status": that gives up after 8 seconds in the middle of a renewal, and the login is lost.
           .renewal = {"mcp", "list"},
           .renewal_switches = {"DISABLE_AUTOUPDATER", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"},
           .session = {"CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT", "CLAUDE_CODE_OAUTH_*",
                       "CLAUDE_CODE_SESSION_*"},
           .lock = ".oauth_refresh.lock"},
      .own_part = plan_claude,
  };
}

/// Its configuration of a box lies in /etc/codex (agent_codex.cc). The interactive client takes no login from a variable,
/// "codex exec" does: CODEX_API_KEY. Neither takes OPENAI_API_KEY.
Agent codex() {
  return {
      .name = "codex",
      .command = "codex",
      .usual_places = {".local/bin/codex", ".volta/tools/image/packages/@openai/codex/bin/codex",
                       ".bun/bin/codex"},
      .unattended_flags = {"--dangerously-bypass-approvals-and-sandbox"},
      .state_directory = ".codex",
      .state_variable = "CODEX_HOME",
      .state_holds = "its state, with its login",
      .shown = {"prompts", "rules", "agents"},
      .shown_words = "skills, prompts, rules and AGENTS.md",
      .memory_file = "AGENTS.md",
      .project_directory = ".agents/skills/",
      .resume = "resume --last",
      .hosts = {"api.openai.com", "chatgpt.com"},
      .install_hint = "install Codex: npm install -g @openai/codex",
      .login = {.variables = {"CODEX_API_KEY"}, .file = ".codex/auth.json"},
      .own_part = plan_codex,
  };
}

Agent gemini() {
  return {
      .name = "gemini",
      .command = "gemini",
      .usual_places = {".local/bin/gemini", ".volta/tools/image/packages/@google/gemini-cli/bin/gemini",
                       ".bun/bin/gemini"},
      .unattended_flags = {"--yolo"},
      .state_directory = ".gemini",
      .state_variable = "GEMINI_CLI_HOME",
      .state_below = ".gemini",
      .shown = {"commands", "skills", "agents", "policies"},
      .shown_words = "skills, agents, commands and GEMINI.md",
      .memory_file = "GEMINI.md",
      .project_directory = ".gemini/",
      .resume = "--resume latest",
      .variables = {{"GEMINI_CLI_TRUST_WORKSPACE", "true",
                     "this project is trusted, since you started a box on it"},
                    // Else a sandbox of its own, which its settings may ask for, would look for Docker.
                    {"SANDBOX", "claudebox", "tells it that it is in a sandbox"}},
      .choices = {"GEMINI_MODEL", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_GCA", "GOOGLE_CLOUD_PROJECT",
                  "GOOGLE_CLOUD_LOCATION"},
      .hosts = {"generativelanguage.googleapis.com", "cloudcode-pa.googleapis.com",
                "aiplatform.googleapis.com"},
      .install_hint = "install Gemini CLI: npm install -g @google/gemini-cli",
      .login = {.variables = {"GEMINI_API_KEY", "GOOGLE_API_KEY"}, .file = ".gemini/oauth_creds.json"},
      .own_part = plan_gemini,
  };
}

/// Which host it needs depends on the provider.
Agent opencode() {
  return {
      .name = "opencode",
      .command = "opencode",
      .usual_places = {".opencode/bin/opencode", ".local/bin/opencode",
                       ".volta/tools/image/packages/opencode-ai/bin/opencode", ".bun/bin/opencode"},
      .unattended_flags = {"--auto"},
      .flags_behind = {"run"},
      .state_directory = ".config/opencode",
      .state_variable = "XDG_CONFIG_HOME",
      .state_below = "opencode",
      .shown = {"agent", "agents", "command", "commands", "mode", "modes", "plugin", "plugins", "skill",
                "skills", "themes", "tool", "tools"},
      .shown_words = "skills, agents, commands and AGENTS.md",
      .memory_file = "AGENTS.md",
      .memory_instead = ".claude/CLAUDE.md",
      .project_directory = ".opencode/",
      .resume = "--continue",
      .variables = {{"OPENCODE_DISABLE_AUTOUPDATE", "1", "its program is read-only in the box"}},
      .choices = {"OPENCODE_DISABLE_AUTOCOMPACT", "OPENCODE_DISABLE_MOUSE",
                  "OPENCODE_DISABLE_TERMINAL_TITLE"},
      .install_hint = "install opencode: npm install -g opencode-ai",
      .login = {.variables = {"OPENCODE_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY",
                              "GOOGLE_GENERATIVE_AI_API_KEY"},
                .file = ".local/share/opencode/auth.json"},
      .own_part = plan_opencode,
  };
}

}  // namespace

const std::vector<Agent>& agents() {
  static const std::vector<Agent> kAgents = {claude(), codex(), gemini(), opencode()};
  return kAgents;
}

const Agent& default_agent() {
  return agents().front();
}

const Agent* agent_named(std::string_view name) {
  for (const auto& agent : agents())
    if (agent.name == name) return &agent;
  return nullptr;
}

const Agent& agent_of(const Plan& plan) {
  const Agent* agent = agent_named(plan.agent);
  return agent ? *agent : default_agent();
}

}  // namespace claudebox::plan
