// Theory of operation
//
// Everything that the gateway reads is hostile: packets of the box, answers of name servers, what slirp4netns hands on. So
// it is a process of its own, executed anew with an empty environment (no secret of the supervisor is in its memory), and
// confined in two stages, each as early as it can be. What a gateway that was taken over can still do: send packets to
// slirp4netns, so reach the local network and answer the box's lookups falsely; but no file, no login, no process.
//
// Landlock does not know UDP, path sockets, chmod and others; seccomp does not know what a descriptor is. So both.
#include "gateway/confine.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "sys/landlock.h"
#include "sys/seccomp.h"

namespace claudebox::gateway {
namespace {

struct Limit {
  __rlimit_resource resource;
  rlim_t value;
};

/// A core dump would hold what the box said to whom.
constexpr auto kLimits = std::to_array<Limit>({{RLIMIT_NPROC, 0},
                                               {RLIMIT_FSIZE, 0},
                                               {RLIMIT_CORE, 0},
                                               {RLIMIT_MEMLOCK, 0},
                                               {RLIMIT_MSGQUEUE, 0},
                                               {RLIMIT_NOFILE, sys::kGatewayMaxDescriptor + 1},
#ifndef __SANITIZE_ADDRESS__  // its shadow memory counts, and is terabytes
                                               {RLIMIT_DATA, 64U << 20},
#endif
                                               {RLIMIT_STACK, 1U << 20}});

}  // namespace

void drop_access() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    base::throw_system_error(errno, "can't give up privileges");
  // No terminal: what it reads must not become an escape sequence there.
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) base::throw_system_error(errno, "can't open /dev/null");
  for (const int standard : {0, 1, 2})
    if (::dup2(null, standard) < 0) base::throw_system_error(errno, "can't replace a standard descriptor");
  if (::syscall(SYS_close_range, sys::kGatewayControl + 1, ~0U, 0) < 0)
    base::throw_system_error(errno, "can't close descriptors");
  for (const auto& [resource, value] : kLimits) {
    // One that is lower already stays: it can't be raised, and keeps the promise as well.
    rlimit limit{};
    if (::getrlimit(resource, &limit) < 0) base::throw_system_error(errno, "can't read a limit");
    limit.rlim_cur = limit.rlim_max = std::min<rlim_t>(value, limit.rlim_max);
    if (::setrlimit(resource, &limit) < 0) base::throw_system_error(errno, "can't set a limit");
  }
  ::signal(SIGPIPE, SIG_IGN);
  if (!sys::deny_everything()) base::throw_system_error(errno, "can't confine the gateway with Landlock");
}

void lock_system_calls() {
  const auto bytes = sys::gateway_seccomp_filter();
  std::vector<sock_filter> program(bytes.size() / sizeof(sock_filter));
  std::memcpy(program.data(), bytes.data(), bytes.size());
  const sock_fprog filter{.len = static_cast<unsigned short>(program.size()), .filter = program.data()};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)
    base::throw_system_error(errno, "can't confine the gateway with seccomp");
}

}  // namespace claudebox::gateway
