// Some paths of the Nix store, in a directory where nothing else of it is. A box whose packages have hundreds of paths
// gets each of them as a mount of its own: the store itself holds what everybody on this machine ever built.
#pragma once

#include <cstddef>

#include "sys/fd.h"

namespace claudebox::runtime {

/// Mounts those paths of the directory `store` that `names` has on `place`, a descriptor of a directory in a mount namespace
/// of the caller's own. All of it is read-only. C rules: allocates nothing, throws nothing. False with errno set where it
/// failed.
bool set_up_store_tree(const char* store, const char* const* names, std::size_t count, int place) noexcept;

}  // namespace claudebox::runtime
