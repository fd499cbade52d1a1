// What is opencode's alone in a box. It writes into its configuration directory (a package for plugins, say), so that lies
// in the instance, with the user's files copied. Its login and sessions lie in ~/.local/share/opencode, in the instance
// like the whole home.
#include <array>

#include "base/path.h"
#include "plan/agent_state.h"

namespace claudebox::plan {
namespace {

/// Read one over the other in this order.
constexpr std::array<std::string_view, 4> kConfiguration = {"config.json", "opencode.json", "opencode.jsonc",
                                                            "tui.json"};
constexpr std::array<std::string_view, 2> kPolicy = {"/etc/opencode/opencode.json",
                                                     "/etc/opencode/opencode.jsonc"};

}  // namespace

void plan_opencode(AgentState& state) {
  for (const auto file : kPolicy) state.show_policy(std::string(file));
  for (const auto name : kConfiguration) state.keep_settings(std::string(name));
}

}  // namespace claudebox::plan
