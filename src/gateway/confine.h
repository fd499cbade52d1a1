// The gateway takes from itself whatever it does not need, before it reads anything.
#pragma once

namespace claudebox::gateway {

/// First stage. Should: run first of all, in a process that was just executed, with the control socket as descriptor 3.
/// After this: 0, 1 and 2 are /dev/null, every descriptor but these and 3 is closed, limits are low, no file can be
/// opened and no TCP socket connected (as far as the kernel's Landlock goes). Throws base::Error.
void drop_access();

/// Second stage, when the event loop and the descriptors of the box's network are there. After this: only the calls of
/// sys::gateway_seccomp_filter(); any other one ends the process. Throws base::Error: the gateway must not run without.
void lock_system_calls();

}  // namespace claudebox::gateway
