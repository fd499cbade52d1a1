// The agent's credential file where its client keeps it: read, and watched.
#pragma once

#include <functional>
#include <string>
#include <variant>

#include "plan/credential.h"
#include "sys/event_loop.h"
#include "sys/fd.h"

namespace claudebox::runtime {

using LoginRead = std::variant<plan::Credential, plan::NoCredential>;

/// Reads `name` in `directory`: links in the way are the user's own. One that is not there is logged out. Never throws.
LoginRead read_login(const std::string& directory, const std::string& name);

/// Tells when `name` in `directory` may have changed. The directory is watched and not the file, which clients replace.
class LoginWatch {
 public:
  LoginWatch(std::string directory, std::string name);
  ~LoginWatch();
  LoginWatch(const LoginWatch&) = delete;
  LoginWatch& operator=(const LoginWatch&) = delete;

  /// `loop` must outlive this. Throws where there is no inotify(7) to be had.
  void start(sys::EventLoop& loop, std::function<void()> changed);
  /// Whether the directory is watched. Where it was removed or renamed it is not: this tries to watch what has its path
  /// now.
  bool watching();

 private:
  void read_events();

  std::string directory_;
  std::string name_;
  std::function<void()> changed_;
  sys::EventLoop* loop_ = nullptr;
  sys::UniqueFd inotify_;
  int watch_ = -1;
};

}  // namespace claudebox::runtime
