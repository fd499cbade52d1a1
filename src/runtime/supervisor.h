// Waits for a running box: signals, protections, the end.
#pragma once

#include <csignal>
#include <functional>
#include <string_view>

#include "report/outcome.h"
#include "runtime/box_child.h"
#include "runtime/guard.h"
#include "runtime/terminal.h"

namespace claudebox::runtime {

/// The signals that the supervisor handles itself. Block them before the box starts, so that none is lost.
sigset_t supervised_signals();

/// What a running box is made of, for the supervisor to look after. All descriptors stay the caller's.
struct RunningBox {
  const BoxChild* child = nullptr;
  int status_pipe = -1;  ///< read end of bwrap's --json-status-fd, non-blocking
  int output_pipe = -1;  ///< read end of the box's standard output, or -1
  Guard* guard = nullptr;
  Terminal* terminal = nullptr;
  std::function<void(std::string_view)> capture;
};

/// Supervises `box` until it has ended, and reaps it.
report::Outcome supervise(const RunningBox& box);

}  // namespace claudebox::runtime
