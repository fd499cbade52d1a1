// The gateway as the supervisor sees it: a child and a socket.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "gateway/control.h"
#include "sys/child_process.h"
#include "sys/fd.h"

namespace claudebox::runtime {

/// Killed and reaped by the destructor.
class GatewayProcess {
 public:
  /// Clones a child that executes this very program as the gateway, with an empty environment; does not wait for it.
  /// The program is found although it was deleted or replaced meanwhile. Throws.
  GatewayProcess();

  /// The control socket: readable when there is a message, or at its end.
  int descriptor() const { return control_.get(); }
  const sys::ChildProcess& process() const { return process_; }

  /// Never blocks. False where the socket is full or the gateway is gone; errno says which (EAGAIN: full).
  bool send(const gateway::Message& message, std::span<const int> descriptors = {}) noexcept;

  enum class Read { message, nothing, end };
  /// The next message into `message`. `end`: it ended, or said something that it never says.
  Read receive(gateway::Message& message);

  /// Asks it to tell what it has counted and to end; messages can still be received until `end`.
  void finish() noexcept;

 private:
  sys::UniqueFd control_;
  sys::UniqueFd alive_;  ///< its supervisor's life lock
  sys::ChildProcess process_;
  std::array<std::uint8_t, gateway::kMaxMessage> buffer_{};
};

}  // namespace claudebox::runtime
