// What is Gemini CLI's alone in a box. Not shown: extensions (they hold settings of their own, with keys).
#include <array>

#include "base/path.h"
#include "plan/agent_state.h"

namespace claudebox::plan {
namespace {

constexpr std::array<std::string_view, 2> kPolicy = {"/etc/gemini-cli/settings.json",
                                                     "/etc/gemini-cli/system-defaults.json"};

void write_settings(AgentState& state) {
  const std::string path = base::path_join(state.kept_directory(), "settings.json");
  state.keep_settings("settings.json");
  state.keep(StateFile::Policy::json_override, path,
             R"({"general": {"enableAutoUpdate": false, "enableAutoUpdateNotification": false}, )"
             R"("security": {"disableYoloMode": false}})"
             "\n",
             "no updates, and unattended running accepted");
  // Else the first run asks how to log in, although the answer is there.
  const bool vertex = state.value_of("GOOGLE_GENAI_USE_VERTEXAI") == "true";
  const bool key = !state.value_of("GEMINI_API_KEY").empty();
  if (vertex || key)
    state.keep(StateFile::Policy::json_defaults, path,
               std::string(R"({"security": {"auth": {"selectedType": ")") +
                   (vertex ? "vertex-ai" : "gemini-api-key") + "\"}}}\n",
               "the login that you passed in is meant to be used");
}

}  // namespace

void plan_gemini(AgentState& state) {
  for (const auto file : kPolicy)
    state.show_policy(std::string(file), {"disableYoloMode", "secureModeEnabled"});
  write_settings(state);
}

}  // namespace claudebox::plan
