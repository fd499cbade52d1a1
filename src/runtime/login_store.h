// The mode store: a login that boxes share, writable for them, and what is kept of it from outside.
#pragma once

#include <functional>
#include <string>

#include "plan/plan.h"
#include "runtime/login_file.h"
#include "sys/event_loop.h"
#include "sys/fs.h"

namespace claudebox::runtime {

/// The last good login is copied to where no box sees it, whenever a client has written one; a blank one is not. It is for
/// a person to put back: one that has been used since is of no use, and only the person knows whether it was.
class LoginStore {
 public:
  /// Makes the directories where they are missing (0700). Throws, also where a box has put a link in the way.
  explicit LoginStore(const plan::Login& login);

  /// `loop` must outlive this. Throws.
  void start(sys::EventLoop& loop, std::function<void(const std::string& what)> tell);
  /// After the box has ended: what it wrote last.
  void finish() { back_up(); }

  /// Whether a client is about to renew the login, by its lock: killed now, it would lose it. A lock of more than a minute
  /// is nobody's any more.
  bool renewing() const;

 private:
  void back_up();

  const plan::Login& login_;
  sys::Directory whole_;   ///< what the boxes have
  sys::Directory parent_;  ///< what they don't
  LoginWatch watch_;
  std::string saved_;
  std::function<void(const std::string&)> tell_;
};

}  // namespace claudebox::runtime
