// The user's own client, run on the host to renew the login.
//
// Theory of operation. The client renews with its own locks, so that any number of clients and claudeboxes come to one
// renewal. What it takes of the server can't be taken twice: a client that dies between that and its write has lost the
// login. So it runs in a session of its own, with no tie to this process, and is never killed: not at the end of the box,
// not by a signal from the terminal, not with a supervisor that is killed.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "plan/plan.h"
#include "sys/fd.h"

namespace claudebox::runtime {

/// A login is renewed when the access token has less than this left. The client itself does nothing above five minutes.
inline constexpr std::chrono::seconds kRenewBefore{270};

class Renewal {
 public:
  /// Runs the plan's command. Nothing where another claudebox is at it: the login changes when that has done it. Throws
  /// where it can't be started.
  static std::optional<Renewal> start(const plan::Login& login);

  /// Readable when it has ended: a pidfd.
  int descriptor() const { return pidfd_.get(); }
  /// Waits for its end and gives its status as waitpid(2) does.
  int wait();

 private:
  Renewal(sys::UniqueFd lock, pid_t pid, sys::UniqueFd pidfd)
      : lock_(std::move(lock)), pid_(pid), pidfd_(std::move(pidfd)) {}

  sys::UniqueFd lock_;
  pid_t pid_;
  sys::UniqueFd pidfd_;
};

/// What a start has to know of the login.
struct LoginAtStart {
  bool usable = false;
  std::string problem{};  ///< what is wrong with it, where something is
};
/// Before a box of the mode broker starts: has the login renewed where it is about to run out, and waits for that, at most
/// 40 seconds. `waiting` is called once where that takes more than half a second. Never throws.
LoginAtStart renew_before_start(const plan::Login& login, const std::function<void()>& waiting);

}  // namespace claudebox::runtime
