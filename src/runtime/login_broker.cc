#include "runtime/login_broker.h"

#include <sys/epoll.h>
#include <sys/wait.h>

#include <algorithm>

#include "base/error.h"
#include "base/path.h"
#include "sys/clock.h"

namespace claudebox::runtime {
namespace {

constexpr std::int64_t kRenewBeforeMs = std::chrono::milliseconds(kRenewBefore).count();
/// Between attempts, the first of these times the number of failures.
constexpr std::int64_t kPauseMs = 10'000;
constexpr std::int64_t kLongestPauseMs = 60'000;
/// Until somebody else's renewal, or a directory that is gone, is looked at again.
constexpr std::int64_t kLookAgainMs = 2'000;

std::string status_of(int status) {
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

LoginBroker::LoginBroker(const plan::Login& login, std::chrono::milliseconds longest_renewal)
    : login_(login), watch_(login.directory, login.file), longest_renewal_(longest_renewal.count()) {
  LoginRead read = read_login(login.directory, login.file);
  if (const auto* none = std::get_if<plan::NoCredential>(&read))
    throw base::Error("your login can't be used any more: " + base::path_join(login.directory, login.file) +
                          " " + none->reason,
                      "start again; --auth none starts without a login");
  given_ = std::get<plan::Credential>(std::move(read));
  host_ = given_;
}

LoginBroker::~LoginBroker() {
  if (!loop_) return;
  loop_->remove(timer_.get());
  if (renewal_) loop_->remove(renewal_->descriptor());  // it goes on, see login_renewal.h
}

void LoginBroker::start(sys::EventLoop& loop, sys::UniqueFd directory,
                        std::function<void(const std::string& what)> tell) {
  directory_ = {std::move(directory), "the box's login"};
  tell_ = std::move(tell);
  timer_ = sys::make_wall_timer();
  watch_.start(loop, [this] { look(); });
  loop.add(timer_.get(), EPOLLIN, [this](std::uint32_t) {
    sys::clear_timer(timer_.get());
    look();
  });
  loop_ = &loop;
  look();
}

void LoginBroker::look() {
  watch_.watching();
  LoginRead read = read_login(login_.directory, login_.file);
  if (auto* login = std::get_if<plan::Credential>(&read)) {
    const bool changed = !host_ || *host_ != *login;
    if (changed) failures_ = 0;
    if (changed) try_again_ = 0;
    host_ = std::move(*login);
    follow(*host_);
  } else {
    host_.reset();
    tell("the login on the host " + std::get<plan::NoCredential>(read).reason +
         ": the box keeps the token that it has until that runs out");
  }
  const std::int64_t now = sys::wall_clock();
  if (renewal_ && now >= renewed_by_) abandon();
  if (due(now) && !renewal_ && now >= try_again_) renew();
  arm(now);
}

void LoginBroker::follow(const plan::Credential& login) {
  const std::int64_t now = sys::wall_clock();
  if (login.for_box == given_.for_box || (login.expires_at <= now && given_.expires_at > now)) return;
  try {
    sys::replace_file(directory_, login_.file, login.for_box, 0600);
    given_ = login;
    told_.clear();
  } catch (const base::Error& error) {
    tell("the new login can't be put into the box: " + error.message());
  }
}

void LoginBroker::renew() {
  const std::int64_t now = sys::wall_clock();
  try {
    renewal_ = Renewal::start(login_);
    try_again_ = now + kLookAgainMs;
    renewed_by_ = now + longest_renewal_;
    if (renewal_) loop_->add(renewal_->descriptor(), EPOLLIN, [this](std::uint32_t) { on_renewed(); });
  } catch (const base::Error& error) {
    try_again_ = now + kLongestPauseMs;
    tell(error.message());
  }
}

/// It hangs. It is not killed, since nobody knows what it holds; its lock goes, so that this or another box can try anew.
void LoginBroker::abandon() {
  loop_->remove(renewal_->descriptor());
  renewal_.reset();
  try_again_ = sys::wall_clock() + kPauseMs;
  tell("the client that was to renew the login does not end");
}

void LoginBroker::on_renewed() {
  loop_->remove(renewal_->descriptor());
  const int status = renewal_->wait();
  renewal_.reset();
  ++failures_;  // look() forgets that where the login has changed
  try_again_ = sys::wall_clock() + std::min(failures_ * kPauseMs, kLongestPauseMs);
  look();
  if (!due(sys::wall_clock())) {
    failures_ = 0;
  } else {
    tell("the login could not be renewed (" + base::base_name(login_.renewal.front()) + " " +
         status_of(status) + "); it is tried again within a minute");
  }
}

bool LoginBroker::due(std::int64_t now) const {
  return host_ && host_->renewable && host_->expires_at - now <= kRenewBeforeMs;
}

/// For what no event tells. The end of a renewal is one, and so is a new file: the time is for the ones that don't come.
void LoginBroker::arm(std::int64_t now) {
  std::int64_t when = 0;
  if (!watch_.watching()) {
    when = now + kLookAgainMs;
  } else if (renewal_) {
    when = std::max(renewed_by_, now + 1);
  } else if (host_ && host_->renewable) {
    when = std::max({host_->expires_at - kRenewBeforeMs, try_again_, now + 1});
  }
  sys::arm_wall_timer(timer_.get(), when);
}

void LoginBroker::tell(const std::string& what) {
  if (told_ == what) return;
  told_ = what;
  if (tell_) tell_(what);
}

}  // namespace claudebox::runtime
