// One epoll loop, one thread, plain callbacks.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "sys/fd.h"

namespace claudebox::sys {

/// Calls back when a descriptor is ready. Level-triggered. Descriptors are the caller's and must be removed
/// before they are closed. Callbacks may add and remove descriptors, their own included.
class EventLoop {
 public:
  using Callback = std::function<void(std::uint32_t events)>;

  EventLoop();

  /// `events` as in epoll_ctl(2): EPOLLIN and so on. One registration a descriptor.
  void add(int descriptor, std::uint32_t events, Callback callback);
  void remove(int descriptor) noexcept;

  /// Waits for events and handles them until `stop`. EINTR is handled.
  void run();
  void stop() { stopped_ = true; }

 private:
  UniqueFd epoll_;
  std::map<int, std::shared_ptr<Callback>> callbacks_;
  bool stopped_ = false;
};

/// A signalfd(2) for `signals`, which must be blocked. Close-on-exec, non-blocking. Throws.
UniqueFd make_signal_descriptor(const sigset_t& signals);

/// A timerfd(2) on the monotonic clock, not yet armed.
UniqueFd make_timer();
/// Arms it to fire once.
void arm_timer(int timer, std::chrono::milliseconds after);

}  // namespace claudebox::sys
