// A plan becomes a running box.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "plan/plan.h"
#include "report/network_event.h"
#include "report/outcome.h"

namespace claudebox::runtime {

/// Whom the box's name server asks: a resolv.conf(5), and the port that the servers in it listen on.
struct NameServers {
  std::string resolv_conf = "/etc/resolv.conf";
  std::uint16_t port = 53;
};

/// What the caller wants of a run beside its end. All may be empty.
struct RunOptions {
  std::function<void(std::string_view bytes)> capture{};         ///< takes the box's standard output
  std::function<void(std::string_view bytes)> capture_errors{};  ///< and its standard error
  std::function<void(int signal)> on_signal{};  ///< one came, before anything is done about it
  std::function<void(const report::NetworkEvent& event)> on_event{};  ///< what happens in the box's network
  NameServers name_servers{};
  std::function<void(const char* stage)> on_stage{};  ///< a stage of the start is over, for --timings
};

/// Runs the plan to its end in the foreground and returns how it ended. The instance must be leased and
/// prepared. Throws base::Error where the box can't be made; nothing ran then and nothing is left.
report::Outcome run(const plan::Plan& plan, const RunOptions& options = {});

}  // namespace claudebox::runtime
