#include "sys/child_process.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>

#include "base/error.h"

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

UniqueFd make_life_lock() {
  UniqueFd file = make_memory_file("claudebox-life", "");
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file.get(), F_SETLK, &lock) < 0) base::throw_system_error(errno, "can't lock a file in memory");
  return file;
}

bool tie_to_parent(int life_lock) noexcept {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) return false;
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  errno = 0;
  return ::fcntl(life_lock, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace claudebox::sys
