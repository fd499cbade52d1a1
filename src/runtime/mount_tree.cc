#include "runtime/mount_tree.h"

#include <fcntl.h>

namespace claudebox::runtime {

sys::UniqueFd clone_tree(int directory, const char* name, std::uint64_t attributes) noexcept {
  sys::UniqueFd tree(::open_tree(directory, name,
                                 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW |
                                     AT_NO_AUTOMOUNT | (*name == '\0' ? AT_EMPTY_PATH : 0)));
  if (tree && !add_attributes(tree.get(), attributes, true)) return {};
  return tree;
}

sys::UniqueFd make_file_system(const char* type, const FileSystemOption* options,
                               std::uint64_t attributes) noexcept {
  const sys::UniqueFd context(::fsopen(type, FSOPEN_CLOEXEC));
  if (!context) return {};
  for (; options->key; ++options) {
    const unsigned command = options->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
    if (::fsconfig(context.get(), command, options->key, options->value, 0) < 0) return {};
  }
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) return {};
  return sys::UniqueFd(::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
}

bool attach(const sys::UniqueFd& tree, int place) noexcept {
  return ::move_mount(tree.get(), "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0;
}

bool add_attributes(int mount, std::uint64_t attributes, bool recursive) noexcept {
  mount_attr added{};
  added.attr_set = attributes;
  return ::mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &added, sizeof added) ==
         0;
}

}  // namespace claudebox::runtime
