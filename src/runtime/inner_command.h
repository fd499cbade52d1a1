// The command inside the box, seen from the host.
#pragma once

#include <sys/types.h>

#include "sys/fd.h"

namespace claudebox::runtime {

/// A pidfd of the command that bwrap runs, found below bwrap's first process `outer` (a pid here). Empty
/// where it has not started yet or is gone. bwrap itself is pid 1 of its namespace and ignores TERM, so a
/// stop request must go to the command.
sys::UniqueFd find_inner_command(pid_t outer);

/// pidfd_send_signal(2). False where the process is gone.
bool send_signal(const sys::UniqueFd& pidfd, int signal) noexcept;

}  // namespace claudebox::runtime
