#include "sys/event_loop.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <array>
#include <cerrno>

#include "base/error.h"

namespace claudebox::sys {

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) base::throw_system_error(errno, "can't make an epoll instance");
}

// Each event carries the descriptor and the number of its registration: a callback may close a descriptor and open
// another one that gets the same number from the kernel, while an event for the first still waits in this round.
void EventLoop::control(int operation, int descriptor, std::uint32_t events, std::uint32_t number) {
  const std::uint64_t tag = (std::uint64_t{number} << 32U) | static_cast<std::uint32_t>(descriptor);
  epoll_event event{.events = events, .data = {.u64 = tag}};
  if (::epoll_ctl(epoll_.get(), operation, descriptor, &event) < 0)
    base::throw_system_error(errno, "can't wait on a descriptor");
}

void EventLoop::add(int descriptor, std::uint32_t events, Callback callback) {
  control(EPOLL_CTL_ADD, descriptor, events, ++last_number_);
  registrations_[descriptor] = {last_number_, std::make_shared<Callback>(std::move(callback))};
}

void EventLoop::modify(int descriptor, std::uint32_t events) {
  control(EPOLL_CTL_MOD, descriptor, events, registrations_.at(descriptor).number);
}

void EventLoop::remove(int descriptor) noexcept {
  if (registrations_.erase(descriptor) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
}

void EventLoop::run() {
  while (!stopped_) wait_once(-1);
}

void EventLoop::wait_once(int timeout) {
  std::array<epoll_event, 16> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
  if (count < 0 && errno != EINTR) base::throw_system_error(errno, "can't wait for events");
  for (int i = 0; i < count && !stopped_; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    const auto found = registrations_.find(static_cast<int>(event.data.u64 & 0xffffffffU));
    if (found == registrations_.end() || found->second.number != event.data.u64 >> 32U)
      continue;                                // removed by an earlier callback of this round
    const auto keep = found->second.callback;  // the callback may remove itself
    (*keep)(event.events);
  }
}

UniqueFd make_signal_descriptor(const sigset_t& signals) {
  UniqueFd descriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!descriptor) base::throw_system_error(errno, "can't receive signals by descriptor");
  return descriptor;
}

UniqueFd make_timer() {
  UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer) base::throw_system_error(errno, "can't make a timer");
  return timer;
}

void arm_timer(int timer, std::chrono::microseconds after) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(after);
  const itimerspec when{
      .it_interval = {},
      .it_value = {.tv_sec = seconds.count(), .tv_nsec = std::chrono::nanoseconds(after - seconds).count()}};
  if (::timerfd_settime(timer, 0, &when, nullptr) < 0) base::throw_system_error(errno, "can't set a timer");
}

UniqueFd make_wall_timer() {
  UniqueFd timer(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer) base::throw_system_error(errno, "can't make a timer");
  return timer;
}

void arm_wall_timer(int timer, std::int64_t when) {
  const itimerspec time{.it_interval = {},
                        .it_value = {.tv_sec = when / 1000, .tv_nsec = (when % 1000) * 1'000'000}};
  // timerfd_create(2): with TFD_TIMER_CANCEL_ON_SET a clock that is set makes it readable (ECANCELED).
  constexpr int kFlags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
  if (::timerfd_settime(timer, kFlags, &time, nullptr) < 0 && errno != ECANCELED)
    base::throw_system_error(errno, "can't set a timer");
}

void clear_timer(int timer) {
  std::uint64_t expirations = 0;
  [[maybe_unused]] const auto ignored = ::read(timer, &expirations, sizeof expirations);
}

}  // namespace claudebox::sys
