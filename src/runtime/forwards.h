// The ports of --publish and --reach: TCP between the host's loopback and the box's.
#pragma once

#include <sys/types.h>

#include <memory>
#include <vector>

#include "plan/plan.h"
#include "sys/event_loop.h"
#include "sys/fd.h"

namespace claudebox::runtime {

/// Nothing in it is trusted to speak any protocol: bytes are passed on unread. At most kMaxForwarded connections at a
/// time; more wait in the listeners' queues.
class Forwards {
 public:
  /// Opens the listeners of --publish on 127.0.0.1 and, where the host has it, ::1. Throws where a port is taken or takes
  /// a privilege.
  explicit Forwards(const plan::Network& network);
  /// Ends everything; connections are reset. The loop must still be there.
  ~Forwards();
  Forwards(const Forwards&) = delete;
  Forwards& operator=(const Forwards&) = delete;

  /// Begins to accept. `box` is pid 1 of the box's outer pid namespace. `reach_listeners` are listening, non-blocking
  /// sockets made in the box's network namespace: for each port of --reach, in the plan's order, one on 127.0.0.1 and one
  /// on ::1 (an empty one where there is no IPv6). The caller ignores SIGPIPE: splice(2) has no flag for that. Throws.
  void start(sys::EventLoop& loop, pid_t box, std::vector<sys::UniqueFd> reach_listeners);

 private:
  class State;
  std::unique_ptr<State> state_;
};

inline constexpr std::size_t kMaxForwarded = 256;

}  // namespace claudebox::runtime
