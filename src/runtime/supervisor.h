// Waits for a running box: signals, protections, the end.
#pragma once

#include <csignal>
#include <functional>

#include "report/outcome.h"
#include "runtime/box_child.h"
#include "runtime/guard.h"
#include "runtime/launch.h"
#include "runtime/network.h"
#include "runtime/terminal.h"

namespace claudebox::runtime {

/// The signals that the supervisor handles itself. Block them before the box starts, so that none is lost.
sigset_t supervised_signals();

/// What a running box is made of, for the supervisor to look after. All descriptors stay the caller's.
struct RunningBox {
  sys::EventLoop* loop = nullptr;
  const BoxChild* child = nullptr;
  int status_pipe = -1;      ///< read end of bwrap's --json-status-fd, non-blocking
  int output_pipe = -1;      ///< read end of the box's standard output, or -1
  int error_pipe = -1;       ///< the same of its standard error
  bool own_session = false;  ///< the terminal's signals don't reach it by themselves
  Guard* guard = nullptr;
  Terminal* terminal = nullptr;
  Network* network = nullptr;
  BoxNetwork box_network{};          ///< what the child handed out
  int block_pipe = -1;               ///< write end of bwrap's --block-fd, or -1
  std::function<bool()> renewing{};  ///< whether a client in it must not be stopped at this moment
  const RunOptions* options = nullptr;
};

/// Puts the network of `box` to work, supervises it until it has ended, and reaps it.
report::Outcome supervise(RunningBox box);

}  // namespace claudebox::runtime
