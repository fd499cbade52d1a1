// The box's /dev: what `bwrap --dev` makes, made as a part of the root that claudebox prepares.
#pragma once

namespace claudebox::runtime {

/// Mounts it on `place`, a descriptor of a directory: null, zero, full, random, urandom and tty of the host, the usual links,
/// and pseudo-terminals of the box's own. `terminal` is the host's path of the terminal on standard output, or null: it
/// becomes /dev/console, where ttyname(3) looks for it. Uid 0 has to be mapped in the caller's user namespace, since
/// devpts gives it the multiplexer. C rules: allocates nothing, throws nothing. False with errno set where it failed.
bool set_up_box_dev(int place, const char* terminal) noexcept;

}  // namespace claudebox::runtime
