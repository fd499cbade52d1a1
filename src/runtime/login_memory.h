// The box's login, in a file system that only the box's outer mount namespace has: a tmpfs, gone with the namespace, so
// that no token is left after a kill -9. The child makes it and hands its directory out; the supervisor writes the file
// anew through that, from outside of the namespace.
#pragma once

#include <cstddef>

#include "sys/fd.h"

namespace claudebox::runtime {

/// What the child makes. Plain data, prepared before the clone.
struct LoginMemorySpec {
  const char* name = nullptr;     ///< of the file
  const char* content = nullptr;  ///< its first content, so that it is there before the box is
  std::size_t length = 0;
  int descriptors = -1;  ///< SEQPACKET socket that the directory is handed out on
};

/// Mounts it on `place`, a descriptor of a directory in a mount namespace of the caller's own, writes the file (0600) and
/// hands the directory out. Gives the same read-only, attached nowhere: the box's. C rules: allocates nothing, throws
/// nothing. Empty with errno set where it failed.
sys::UniqueFd set_up_login_memory(const LoginMemorySpec& spec, int place) noexcept;

/// The directory that the child has handed out, from the other end of `descriptors`. Throws.
sys::UniqueFd take_login_memory(int socket);

}  // namespace claudebox::runtime
