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

void EventLoop::add(int descriptor, std::uint32_t events, Callback callback) {
  epoll_event event{.events = events, .data = {.fd = descriptor}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) < 0)
    base::throw_system_error(errno, "can't wait on a descriptor");
  callbacks_[descriptor] = std::make_shared<Callback>(std::move(callback));
}

void EventLoop::remove(int descriptor) noexcept {
  if (callbacks_.erase(descriptor) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
}

void EventLoop::modify(int descriptor, std::uint32_t events) {
  epoll_event event{.events = events, .data = {.fd = descriptor}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, descriptor, &event) < 0)
    base::throw_system_error(errno, "can't wait on a descriptor");
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
    const auto found = callbacks_.find(event.data.fd);
    if (found == callbacks_.end()) continue;  // removed by an earlier callback of this round
    const auto keep = found->second;          // the callback may remove itself
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

}  // namespace claudebox::sys
