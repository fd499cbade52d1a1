#include "instance/own_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/path.h"
#include "instance/layout.h"

namespace claudebox::instance {
namespace {

sys::Directory open_own(const std::string& state_root, uid_t uid, const std::string& directory) {
  const sys::Directory root =
      sys::make_directories_beneath(sys::open_directory("/"), base::relative_to(state_root, "/"));
  check_owner(root, uid);
  sys::Directory own = sys::make_directories_beneath(root, directory);
  check_owner(own, uid);
  return own;
}

}  // namespace

bool store_own_file(const std::string& state_root, uid_t uid, const std::string& directory,
                    const std::string& name, std::string_view content, Existing existing) {
  const sys::Directory own = open_own(state_root, uid, directory);
  struct stat st{};
  if (existing == Existing::keep && ::fstatat(own.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0)
    return false;
  sys::replace_file(own, name, content);
  return true;
}

bool remove_own_file(const std::string& state_root, uid_t uid, const std::string& directory,
                     const std::string& name) {
  const sys::Directory own = open_own(state_root, uid, directory);
  if (::unlinkat(own.get(), name.c_str(), 0) == 0) return true;
  if (errno == ENOENT) return false;
  sys::throw_file_error(errno, "remove " + own / name);
}

}  // namespace claudebox::instance
