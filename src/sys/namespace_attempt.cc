// Everything after the fork follows C rules: no allocation, no exception.
#include "sys/namespace_attempt.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "sys/fd.h"

namespace claudebox::sys {
namespace {

[[noreturn]] void report(int pipe, NamespaceStep step) noexcept {
  const NamespaceAttempt result{step, step == NamespaceStep::none ? 0 : errno};
  [[maybe_unused]] const auto ignored = ::write(pipe, &result, sizeof result);
  ::_exit(0);
}

bool write_file(const char* path, const char* text) noexcept {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool ok = ::write(file, text, ::strlen(text)) >= 0;
  const int saved = errno;
  ::close(file);
  errno = saved;
  return ok;
}

bool bring_loopback_up() noexcept {
  const int control = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) return false;
  ifreq request{};
  ::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP;
  return ::ioctl(control, SIOCSIFFLAGS, &request) == 0;
}

/// In the new pid namespace, as its first process.
[[noreturn]] void inner(int pipe) noexcept {
  // A container with parts of /proc masked may not mount one of its own, which shows only here.
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) < 0)
    report(pipe, NamespaceStep::proc);
  if (::unshare(CLONE_NEWUSER) < 0) report(pipe, NamespaceStep::nested);
  report(pipe, NamespaceStep::none);
}

[[noreturn]] void attempt(int pipe, const char* uid_map, const char* gid_map) noexcept {
  if (::unshare(CLONE_NEWUSER) < 0) report(pipe, NamespaceStep::user_namespace);
  if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", uid_map) ||
      !write_file("/proc/self/gid_map", gid_map))
    report(pipe, NamespaceStep::id_map);
  if (::unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) <
      0)
    report(pipe, NamespaceStep::namespaces);
  if (!bring_loopback_up()) report(pipe, NamespaceStep::loopback);
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) report(pipe, NamespaceStep::mount);
  const pid_t child = ::fork();
  if (child < 0) report(pipe, NamespaceStep::process);
  if (child == 0) inner(pipe);
  ::waitpid(child, nullptr, 0);
  ::_exit(0);
}

}  // namespace

NamespaceAttempt attempt_namespaces() {
  char uid_map[64];
  char gid_map[64];
  std::snprintf(uid_map, sizeof uid_map, "%u %u 1", ::getuid(), ::getuid());
  std::snprintf(gid_map, sizeof gid_map, "%u %u 1", ::getgid(), ::getgid());
  Pipe pipe = make_pipe();
  const pid_t child = ::fork();
  if (child < 0) return {NamespaceStep::process, errno};
  if (child == 0) attempt(pipe.write.get(), uid_map, gid_map);
  pipe.write.reset();
  NamespaceAttempt result{NamespaceStep::process, ECHILD};
  ssize_t got = 0;
  while ((got = ::read(pipe.read.get(), &result, sizeof result)) < 0 && errno == EINTR) {
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (got != sizeof result) return {NamespaceStep::process, ECHILD};
  return result;
}

}  // namespace claudebox::sys
