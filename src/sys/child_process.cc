#include "sys/child_process.h"

#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>

namespace claudebox::sys {

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid(std::exchange(other.pid, -1)), pidfd(std::move(other.pidfd)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this == &other) return *this;
  end();
  pid = std::exchange(other.pid, -1);
  pidfd = std::move(other.pidfd);
  return *this;
}

void ChildProcess::end() noexcept {
  if (!pidfd) return;
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  pidfd.reset();
  pid = -1;
}

ChildProcess clone_child(unsigned long flags) noexcept {
  ChildProcess child;
  int pidfd = -1;
  // The raw call with no stack behaves as fork(2); the flags of clone(2) that we need have no libc function.
  child.pid =
      static_cast<pid_t>(::syscall(SYS_clone, flags | SIGCHLD | CLONE_PIDFD, nullptr, &pidfd, nullptr, 0));
  if (child.pid < 0) child.pid = -errno;
  if (child.pid > 0) child.pidfd.reset(pidfd);
  return child;
}

bool tie_to_parent(int parent_end) noexcept {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) return false;
  pollfd parent{.fd = parent_end, .events = 0, .revents = 0};
  errno = 0;
  return ::poll(&parent, 1, 0) == 0;  // else POLLHUP
}

}  // namespace claudebox::sys
