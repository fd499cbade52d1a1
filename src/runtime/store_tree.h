// The paths of the Nix store that a box has, as one tree: bwrap reads the mount table anew for every bind, so some hundred
// binds of its own would take it seconds.
#pragma once

#include <cstddef>

namespace claudebox::runtime {

/// What the child makes. Plain data, prepared before the clone.
struct StoreTreeSpec {
  const char* store = nullptr;  ///< the host's, absolute
  const char* place = nullptr;  ///< a directory of the host to mount it on; nobody but the child sees that
  const char* const* names = nullptr;
  std::size_t count = 0;
  int placeholder = -1;  ///< becomes the tree: a descriptor that bwrap binds from
};

/// Mounts an empty file system on `place`, each path of the store in it, and makes all of it read-only. Needs the
/// capabilities over a fresh mount namespace, and Linux 5.12 (mount_setattr(2)). C rules: allocates nothing, throws nothing.
/// False with errno set where it failed: ENOENT where a path is gone.
bool set_up_store_tree(const StoreTreeSpec& spec) noexcept;

}  // namespace claudebox::runtime
