#include "runtime/login_file.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/path.h"
#include "sys/inotify_instance.h"

namespace claudebox::runtime {
namespace {

constexpr std::uint32_t kChanges = IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_ATTRIB;
constexpr std::uint32_t kGone = IN_DELETE_SELF | IN_MOVE_SELF;

plan::NoCredential unknown(std::string reason) {
  return {plan::NoCredential::Kind::unknown, std::move(reason)};
}

}  // namespace

LoginRead read_login(const std::string& directory, const std::string& name) {
  const std::string path = base::path_join(directory, name);
  const sys::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file && (errno == ENOENT || errno == ENOTDIR))
    return plan::NoCredential{plan::NoCredential::Kind::logged_out, "is gone"};
  if (!file) return unknown("can't be read: " + base::errno_text(errno));
  struct stat st{};
  if (::fstat(file.get(), &st) < 0 || !S_ISREG(st.st_mode)) return unknown("is no file");
  try {
    return plan::read_credential(sys::read_all(file.get(), plan::kMaxCredential));
  } catch (const base::Error& error) {
    return unknown("can't be read: " + error.message());
  }
}

LoginWatch::LoginWatch(std::string directory, std::string name)
    : directory_(std::move(directory)), name_(std::move(name)) {}

LoginWatch::~LoginWatch() {
  if (loop_) loop_->remove(inotify_.get());
  sys::release_inotify(std::move(inotify_));
}

void LoginWatch::start(sys::EventLoop& loop, std::function<void()> changed) {
  changed_ = std::move(changed);
  inotify_ = sys::make_inotify();
  if (!inotify_)
    base::throw_system_error(errno, "can't watch the login",
                             "sysctl fs.inotify.max_user_instances shows the limit, and raises it");
  loop.add(inotify_.get(), EPOLLIN, [this](std::uint32_t) { read_events(); });
  loop_ = &loop;
  watching();
}

bool LoginWatch::watching() {
  if (watch_ < 0)
    watch_ = ::inotify_add_watch(inotify_.get(), directory_.c_str(), kChanges | kGone | IN_ONLYDIR);
  return watch_ >= 0;
}

void LoginWatch::read_events() {
  alignas(inotify_event) char buffer[4096];
  bool changed = false;
  const ssize_t got = ::read(inotify_.get(), buffer, sizeof buffer);
  for (ssize_t at = 0; at < got;) {
    inotify_event event{};
    std::memcpy(&event, buffer + at, sizeof event);
    const char* name = buffer + at + sizeof event;
    at += static_cast<ssize_t>(sizeof event + event.len);
    // An overflow has no watch and may hide anything.
    changed = changed || event.wd < 0 || (event.mask & kGone) != 0 || (event.len > 0 && name_ == name);
    if ((event.mask & kGone) != 0 && watch_ >= 0) {
      ::inotify_rm_watch(inotify_.get(), watch_);
      watch_ = -1;
    }
  }
  if (changed) changed_();
}

}  // namespace claudebox::runtime
