// Instances of inotify(7): each user has 128 of them by default, and letting go of one takes the kernel long.
#pragma once

#include "sys/fd.h"

namespace claudebox::sys {

/// A new one, close-on-exec and non-blocking. Where the user's limit is reached it waits up to a second for those that
/// release_inotify() has given up and the kernel has not released yet. Empty with errno set where there is none to be had.
UniqueFd make_inotify() noexcept;

/// Gives up `inotify` without waiting for its release. Closing one that has watches waits for two grace periods of the
/// kernel, some 14 ms at 250 Hz, which is more than all else that a short box costs.
///
/// How: the descriptor is sent, together with the receiving end, over a pair of sockets that is closed then. Nobody can
/// receive it any more, and the kernel's collector of such sockets releases it in a worker of its own (unix(7), SCM_RIGHTS;
/// net/unix/garbage.c, since Linux 6.9: before, it collects in the closing process, which then waits as for close(2)).
/// Where this can't be had it is closed right here.
void release_inotify(UniqueFd inotify) noexcept;

}  // namespace claudebox::sys
