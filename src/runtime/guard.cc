#include "runtime/guard.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <cerrno>
#include <set>

#include "base/error.h"
#include "base/path.h"
#include "sys/inotify_instance.h"

namespace claudebox::runtime {
namespace {

std::string identity_of(int directory, const std::string& name) {
  struct stat st{};
  if (::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) return {};
  return std::to_string(st.st_dev) + ":" + std::to_string(st.st_ino);
}

}  // namespace

Guard::Guard(const std::vector<plan::Watch>& watches) {
  if (watches.empty()) return;
  inotify_ = sys::make_inotify();
  if (!inotify_)
    base::throw_system_error(errno, "can't watch the project's git directory",
                             "sysctl fs.inotify.max_user_instances raises the limit");
  std::set<std::string> watched;
  for (const auto& watch : watches) {
    Name name{watch,
              sys::UniqueFd(::open(watch.directory.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)),
              {}};
    if (!name.directory) base::throw_system_error(errno, "can't watch " + watch.directory);
    constexpr std::uint32_t kEvents =
        IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR | IN_DONT_FOLLOW;
    if (watched.insert(watch.directory).second &&
        ::inotify_add_watch(inotify_.get(), watch.directory.c_str(), kEvents) < 0)
      base::throw_system_error(errno, "can't watch " + watch.directory,
                               "sysctl fs.inotify.max_user_watches raises the limit");
    name.identity = identity_of(name.directory.get(), watch.name);
    if (watch.response == plan::Watch::Response::remove_and_end && !name.identity.empty())
      throw base::Error(
          "can't protect " + base::path_join(watch.directory, watch.name) + ": it appeared while starting",
          "look at it: " + watch.reason + "; remove it if it is not yours, and start again");
    names_.push_back(std::move(name));
  }
}

Guard::~Guard() {
  sys::release_inotify(std::move(inotify_));
}

std::string Guard::check() {
  char buffer[16384];
  while (::read(inotify_.get(), buffer, sizeof buffer) > 0) {
  }
  std::string why;
  for (const auto& name : names_) {
    const std::string path = base::path_join(name.watch.directory, name.watch.name);
    if (name.watch.response == plan::Watch::Response::end) {
      if (identity_of(name.directory.get(), name.watch.name) != name.identity)
        why = path + " was replaced while the box ran, so its protection no longer holds (" +
              name.watch.reason + ")";
      continue;
    }
    const std::string away = name.watch.name + ".claudebox-removed-" + std::to_string(::getpid());
    if (::renameat(name.directory.get(), name.watch.name.c_str(), name.directory.get(), away.c_str()) == 0)
      why = path + " appeared and was moved to " + away + " (" + name.watch.reason + ")";
  }
  return why;
}

}  // namespace claudebox::runtime
