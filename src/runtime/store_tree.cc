#include "runtime/store_tree.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "sys/fd.h"

namespace claudebox::runtime {
namespace {

int open_tree_of(int directory, const char* name) noexcept {
  return static_cast<int>(
      ::syscall(SYS_open_tree, directory, name,
                OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW));
}

bool attach(int tree, int directory, const char* name) noexcept {
  const bool ok = ::syscall(SYS_move_mount, tree, "", directory, name, MOVE_MOUNT_F_EMPTY_PATH) == 0;
  const int saved = errno;
  ::close(tree);
  errno = saved;
  return ok;
}

/// A path of the store is a directory, a file or a link.
bool add(int store, int tree, const char* name) noexcept {
  struct stat st{};
  if (::fstatat(store, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return false;
  if (S_ISLNK(st.st_mode)) {
    char target[PATH_MAX];
    const ssize_t length = ::readlinkat(store, name, target, sizeof target - 1);
    if (length < 0) return false;
    target[length] = '\0';
    return ::symlinkat(target, tree, name) == 0;
  }
  const bool made =
      S_ISDIR(st.st_mode) ? ::mkdirat(tree, name, 0555) == 0 : ::mknodat(tree, name, S_IFREG | 0444, 0) == 0;
  if (!made) return false;
  const int path = open_tree_of(store, name);
  return path >= 0 && attach(path, tree, name);
}

}  // namespace

bool set_up_store_tree(const StoreTreeSpec& spec) noexcept {
  const sys::UniqueFd store(::open(spec.store, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!store || ::mount("tmpfs", spec.place, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0555") < 0) return false;
  const sys::UniqueFd tree(::open(spec.place, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!tree) return false;
  for (std::size_t i = 0; i < spec.count; ++i)
    if (!add(store.get(), tree.get(), spec.names[i])) return false;
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  return ::mount_setattr(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &read_only, sizeof read_only) == 0 &&
         ::dup3(tree.get(), spec.placeholder, O_CLOEXEC) >= 0;
}

}  // namespace claudebox::runtime
