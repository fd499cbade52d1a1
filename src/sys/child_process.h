// A child made by clone(2) as fork(2) makes one, with namespaces, that never outlives its parent.
#pragma once

#include <sys/types.h>

#include "sys/fd.h"

namespace claudebox::sys {

/// A child of this process. Killed and reaped by the destructor, unless somebody did so before.
struct ChildProcess {
  ChildProcess() = default;
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() { end(); }

  /// Kills and reaps it now; nothing where there is none.
  void end() noexcept;
  explicit operator bool() const { return static_cast<bool>(pidfd); }

  pid_t pid = -1;
  UniqueFd pidfd;  ///< readable when it has ended
};

/// clone(2) with `flags` (namespaces) added to what fork(2) does. In the child the result is empty; code there follows
/// C rules until it calls exec: the child is a copy of a process that may have held locks. Gives errno as a negative pid
/// where it failed.
ChildProcess clone_child(unsigned long flags) noexcept;

/// A lock that goes with this process, for tie_to_parent. To be kept until the child has looked at it. Throws.
///
/// A record lock of fcntl(2): no fork or clone hands it on. The end of a pipe would be open in every other child for as long as
/// that has not executed its program, and one that is cloned just before the parent is killed would take its parent for alive.
UniqueFd make_life_lock();

/// For the child's first act: asks for SIGKILL at the parent's death and then looks whether the parent still lives, by its
/// life lock, which the kernel drops before it sends that signal. False where it does not, or with errno set. The other way
/// round a parent that dies in between is missed. getppid(2) can't tell: in a new pid namespace it is 0.
bool tie_to_parent(int life_lock) noexcept;

}  // namespace claudebox::sys
