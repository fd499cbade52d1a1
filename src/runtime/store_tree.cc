#include "runtime/store_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>

#include "runtime/mount_tree.h"

namespace claudebox::runtime {
namespace {

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
  const sys::UniqueFd place(::openat(tree, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!place) return false;
  const sys::UniqueFd path =
      clone_tree(store, name, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  return path && attach(path, place.get());
}

}  // namespace

bool set_up_store_tree(const char* store, const char* const* names, std::size_t count, int place) noexcept {
  const sys::UniqueFd paths(::open(store, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!paths) return false;
  constexpr std::array kOptions{FileSystemOption{"mode", "0555"}, FileSystemOption{}};
  const sys::UniqueFd tree = make_file_system("tmpfs", kOptions.data(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (!tree || !attach(tree, place)) return false;
  for (std::size_t i = 0; i < count; ++i)
    if (!add(paths.get(), tree.get(), names[i])) return false;
  return add_attributes(tree.get(), MOUNT_ATTR_RDONLY, false);
}

}  // namespace claudebox::runtime
