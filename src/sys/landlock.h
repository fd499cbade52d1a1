// Landlock, as far as the box needs it.
#pragma once

namespace claudebox::sys {

/// The kernel's Landlock ABI; 0 where it has none or it was switched off at boot.
int landlock_abi() noexcept;

/// From now on this process and its descendants can't connect to abstract unix sockets made outside of them.
/// They have no namespace but the network's, so in the tier `full` this is all that keeps the host's away.
/// Sets no_new_privs. Safe in a child after fork: allocates nothing. False with errno set where it failed; it
/// needs ABI 6.
///
/// Only this scope, on purpose. One file system right handled here makes the kernel refuse every mount to
/// bwrap, and the scope for signals hangs the terminal when a full-screen program stops its process group, of
/// which the supervisor outside is a member. The pid namespace keeps signals in.
bool scope_abstract_sockets() noexcept;

/// From now on this process can open, make or change nothing in the file system, bind or connect no TCP socket,
/// connect to no abstract unix socket from outside and send no signal, as far as this kernel's Landlock knows these
/// things. What is open stays usable. Needs no_new_privs. False with errno set where it failed; where the kernel has no
/// Landlock there is nothing to do and that is a success.
bool deny_everything() noexcept;

}  // namespace claudebox::sys
