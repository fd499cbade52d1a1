// Closing what takes the kernel long to release.
#pragma once

#include "sys/fd.h"

namespace claudebox::sys {

/// Gives up `descriptor` without waiting for what its release takes. Closing an inotify(7) descriptor that has watches
/// waits for two grace periods of the kernel, some 14 ms at 250 Hz, which is more than all else that a short box costs.
///
/// How: the descriptor is sent, together with the receiving end, over a pair of sockets that is closed then. Nobody can
/// receive it any more, and the kernel's collector of such sockets releases it in a worker of its own (unix(7), SCM_RIGHTS;
/// net/unix/garbage.c, since Linux 6.9: before, it collects in the closing process, which then waits as for close(2)).
/// Where this can't be had it is closed right here.
void release_later(UniqueFd descriptor) noexcept;

}  // namespace claudebox::sys
