// The mode broker while a box lives: the user's login is watched, renewed on the host, and put into the box.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "plan/credential.h"
#include "plan/plan.h"
#include "runtime/login_file.h"
#include "runtime/login_renewal.h"
#include "sys/event_loop.h"
#include "sys/fs.h"

namespace claudebox::runtime {

/// After this time a client that renews is left to itself, and another one may be tried.
inline constexpr std::chrono::milliseconds kLongestRenewal{120'000};

/// What the box's file follows: the user's file, as it changes. A file that says logged out, is gone or can't be
/// understood changes nothing in the box (clients write such a thing for a moment), nor does one that has run out while the
/// box's has not.
class LoginBroker {
 public:
  /// Reads the user's login. Throws where there is none that can be used; one that has run out can.
  explicit LoginBroker(const plan::Login& login, std::chrono::milliseconds longest_renewal = kLongestRenewal);
  ~LoginBroker();
  LoginBroker(const LoginBroker&) = delete;
  LoginBroker& operator=(const LoginBroker&) = delete;

  /// The box's first file.
  const std::string& content() const { return given_.for_box; }
  /// From here on the file in `directory` (login_memory.h) is kept up to date. `tell` gets what went wrong, for the record.
  /// `loop` must outlive this. Throws.
  void start(sys::EventLoop& loop, sys::UniqueFd directory,
             std::function<void(const std::string& what)> tell);

 private:
  void look();
  void follow(const plan::Credential& login);
  void renew();
  void on_renewed();
  void abandon();
  bool due(std::int64_t now) const;
  void arm(std::int64_t now);
  void tell(const std::string& what);

  const plan::Login& login_;
  plan::Credential given_;                ///< what the box has
  std::optional<plan::Credential> host_;  ///< what the user has
  sys::Directory directory_;
  LoginWatch watch_;
  std::optional<Renewal> renewal_;
  std::function<void(const std::string&)> tell_;
  std::string told_;
  const std::int64_t longest_renewal_;
  std::int64_t renewed_by_ = 0;  ///< when a renewal is abandoned: milliseconds since 1970
  std::int64_t try_again_ = 0;   ///< not before: milliseconds since 1970
  int failures_ = 0;
  sys::UniqueFd timer_;
  sys::EventLoop* loop_ = nullptr;
};

}  // namespace claudebox::runtime
