// Mounts by descriptor: the calls that Linux 5.2 and 5.12 brought (open_tree, move_mount, fsopen, mount_setattr; their
// manual pages came with util-linux 2.39 and man-pages 6.10). Nothing is attached before its flags are set, and no path is looked up twice.
//
// C rules for all of it: it runs between clone and exec, so it allocates nothing and throws nothing. Descriptors are
// close-on-exec; -1 or false with errno set is a failure.
#pragma once

#include <sys/mount.h>

#include <cstdint>

#include "sys/fd.h"

namespace claudebox::runtime {

/// A copy of what is mounted at `name` in `directory` and below, attached nowhere, with `attributes` (MOUNT_ATTR_*)
/// added to every mount of it. An empty name stands for the directory itself.
sys::UniqueFd clone_tree(int directory, const char* name, std::uint64_t attributes) noexcept;

/// An option of a file system; without a value it is a flag.
struct FileSystemOption {
  const char* key = nullptr;  ///< ends the list
  const char* value = nullptr;
};

/// A new file system of `type`, attached nowhere.
sys::UniqueFd make_file_system(const char* type, const FileSystemOption* options,
                               std::uint64_t attributes) noexcept;

/// Attaches `tree` on `place`, a descriptor of a directory or file (O_PATH will do).
bool attach(const sys::UniqueFd& tree, int place) noexcept;

/// Adds `attributes` to a mount, of which `mount` is the root; with `recursive` to all below it, too.
bool add_attributes(int mount, std::uint64_t attributes, bool recursive) noexcept;

}  // namespace claudebox::runtime
