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
  /// Waits for other events on a descriptor that was added. 0: only for EPOLLERR and EPOLLHUP, which can't be left out.
  void modify(int descriptor, std::uint32_t events);
  void remove(int descriptor) noexcept;

  /// Waits for events and handles them until `stop`. EINTR is handled.
  void run();
  /// One round of it: waits at most `timeout` milliseconds (-1: without limit) and handles what happened. For a loop
  /// that has work of its own between rounds.
  void wait_once(int timeout);
  void stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }

 private:
  struct Registration {
    std::uint32_t number;
    std::shared_ptr<Callback> callback;
  };
  void control(int operation, int descriptor, std::uint32_t events, std::uint32_t number);

  UniqueFd epoll_;
  std::map<int, Registration> registrations_;
  std::uint32_t last_number_ = 0;
  bool stopped_ = false;
};

/// A signalfd(2) for `signals`, which must be blocked. Close-on-exec, non-blocking. Throws.
UniqueFd make_signal_descriptor(const sigset_t& signals);

/// A timerfd(2) on the monotonic clock, not yet armed.
UniqueFd make_timer();
/// Arms it to fire once. 0 disarms it.
void arm_timer(int timer, std::chrono::microseconds after);

/// A timerfd(2) on the wall clock: it goes on while the machine sleeps, and fires when the clock is set.
UniqueFd make_wall_timer();
/// Arms it to fire once, at `when` (milliseconds since 1970) or when somebody sets the clock. 0 disarms it.
void arm_wall_timer(int timer, std::int64_t when);
/// Takes what a timer of either kind has to say, so that it is not ready any more.
void clear_timer(int timer);

}  // namespace claudebox::sys
