// Theory of operation
//
// The filter allows by default and takes away what a sandboxed developer's tools do not need and what has no
// namespace. The user namespaces that nested sandboxes need stay, and so do mount, pivot_root and clone.
//
// Choice of errno: what the same call says to an ordinary user, or on a kernel that lacks the feature.
// Programs have a fallback for those. Killing would also end a program that only asks whether a call is
// there.
//
// Why the comparisons look as they do:
//  - The kernel cuts int arguments to 32 bits, the filter sees 64. `ioctl(fd, 0x100005412)` is TIOCSTI to the
//    kernel and something else to a filter that compares 64 bits. So a comparison that refuses an exact value
//    masks the upper half away, and one that refuses "anything greater" compares all 64 bits, which refuses
//    rubbish in the upper half, too.
//  - libseccomp allows one comparison for each argument in a rule, so a range can't be written as two bounds.
//  It
//    is written as prefixes, and those are generated: by hand, a prefix one bit too wide refuses UDP.
#include "sys/seccomp_policy.h"

#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <memory>
#include <stdexcept>

#include "sys/seccomp.h"

namespace claudebox::sys {
namespace {

constexpr RefusedCall kRefusedCalls[] = {
    // A ring makes sockets of any family and opens files where no filter sees it (IORING_OP_SOCKET).
    {"io_uring_setup", ENOSYS},
    {"io_uring_enter", ENOSYS},
    {"io_uring_register", ENOSYS},
    // Keyrings belong to the user, not to a namespace: the session's keys (Kerberos, fscrypt) are the host's.
    {"keyctl", ENOSYS},
    {"add_key", ENOSYS},
    {"request_key", ENOSYS},
    // Holds the kernel at a chosen moment: makes races in it easy to win.
    {"userfaultfd", ENOSYS},
    {"bpf", EPERM},
    {"perf_event_open", EACCES},  // as with kernel.perf_event_paranoid 3
    // The machine's: kernel code, power, swap, clock, accounting, log, ports, consoles.
    {"kexec_load", EPERM},
    {"kexec_file_load", EPERM},
    {"init_module", EPERM},
    {"finit_module", EPERM},
    {"delete_module", EPERM},
    {"reboot", EPERM},
    {"swapon", EPERM},
    {"swapoff", EPERM},
    {"settimeofday", EPERM},
    {"clock_settime", EPERM},
    {"acct", EPERM},
    {"quotactl", EPERM},
    {"quotactl_fd", EPERM},
    {"syslog", EPERM},
    {"iopl", EPERM},
    {"ioperm", EPERM},
    {"vhangup", EPERM},
    // Reaches any file of a file system by number, past every mount; user namespaces may use it since
    // Linux 6.13.
    {"open_by_handle_at", EPERM},
    // Obsolete: what is left of them is only somewhere to look for bugs.
    {"_sysctl", ENOSYS},
    {"afs_syscall", ENOSYS},
    {"create_module", ENOSYS},
    {"get_kernel_syms", ENOSYS},
    {"getpmsg", ENOSYS},
    {"lookup_dcookie", ENOSYS},
    {"modify_ldt", ENOSYS},
    {"nfsservctl", ENOSYS},
    {"putpmsg", ENOSYS},
    {"query_module", ENOSYS},
    {"security", ENOSYS},
    {"sysfs", ENOSYS},
    {"tuxcall", ENOSYS},
    {"uselib", ENOSYS},
    {"ustat", ENOSYS},
    {"vserver", ENOSYS},
};

// Vsock, bluetooth, CAN, ALG, RDS, TIPC and others know no network namespace, or are only attack surface.
constexpr std::uint32_t kFamilies[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

// "any", ICMP, TCP, UDP, ICMPv6, MPTCP.
constexpr std::uint32_t kProtocols[] = {0, 1, 6, 17, 58, 262};

// The type is the lower four bits of the argument (SOCK_TYPE_MASK in the kernel); above it are flags.
constexpr std::uint32_t kTypeMask = 15;
constexpr std::uint32_t kTypes[] = {SOCK_STREAM, SOCK_DGRAM, kTypeMask + 1};

constexpr std::uint64_t kLow32 = 0xffffffff;

/// restart_syscall is what SIGSTOP and SIGCONT in epoll_wait lead to.
constexpr const char* kGatewayCalls[] = {
    "read",      "write",      "recvfrom", "epoll_ctl", "epoll_wait", "epoll_pwait",    "clock_gettime",
    "getrandom", "exit_group", "brk",      "munmap",    "mremap",     "restart_syscall"};

class Filter {
 public:
  /// `otherwise`: what happens where no rule fits. `foreign`: to i386 and x32, a second set of numbers for every call,
  /// which no rule here would see.
  Filter(std::uint32_t otherwise, std::uint32_t foreign)
      : context_(seccomp_init(otherwise), seccomp_release) {
    if (!context_) throw std::runtime_error("seccomp_init failed");
    attribute(SCMP_FLTATR_ACT_BADARCH, foreign, "SCMP_FLTATR_ACT_BADARCH");
    // A binary tree over the call numbers: half the time of a linear list to load.
    attribute(SCMP_FLTATR_CTL_OPTIMIZE, 2, "SCMP_FLTATR_CTL_OPTIMIZE");
  }

  /// Refuses `name` with `error` where every comparison holds.
  void refuse(const char* name, int error, std::initializer_list<scmp_arg_cmp> comparisons = {}) {
    add(SCMP_ACT_ERRNO(static_cast<std::uint16_t>(error)), name, comparisons);
  }
  void allow(const char* name, std::initializer_list<scmp_arg_cmp> comparisons = {}) {
    add(SCMP_ACT_ALLOW, name, comparisons);
  }

  std::string bytes() const {
    const int file = ::memfd_create("filter", MFD_CLOEXEC);
    if (file < 0) throw std::runtime_error("memfd_create failed");
    const std::unique_ptr<const int, void (*)(const int*)> closer(&file, [](const int* fd) { ::close(*fd); });
    check(seccomp_export_bpf(context_.get(), file), "export");
    std::string out(static_cast<std::size_t>(::lseek(file, 0, SEEK_END)), '\0');
    if (out.empty() || ::pread(file, out.data(), out.size(), 0) != static_cast<ssize_t>(out.size()))
      throw std::runtime_error("can't read the exported filter back");
    return out;
  }

 private:
  void add(std::uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> comparisons) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
      throw std::runtime_error(std::string("libseccomp knows no system call ") + name);
    check(seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(comparisons.size()),
                                 comparisons.begin()),
          name);
  }
  static void check(int result, const char* what) {
    if (result < 0) throw std::runtime_error(std::string(what) + ": " + std::strerror(-result));
  }
  void attribute(scmp_filter_attr name, std::uint32_t value, const char* what) {
    check(seccomp_attr_set(context_.get(), name, value), what);
  }

  std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
};

scmp_arg_cmp matches(unsigned argument, const Prefix& prefix) {
  return {argument, SCMP_CMP_MASKED_EQ, prefix.mask, prefix.value};
}
scmp_arg_cmp greater(unsigned argument, std::uint64_t value) {
  return {argument, SCMP_CMP_GT, value, 0};
}
scmp_arg_cmp equals32(unsigned argument, std::uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, kLow32, value};
}

void refuse_families(Filter& filter) {
  for (const auto& prefix : prefixes_of_gaps(kFamilies))
    filter.refuse("socket", EAFNOSUPPORT, {matches(0, prefix)});
  filter.refuse("socket", EAFNOSUPPORT, {greater(0, std::end(kFamilies)[-1])});
  filter.refuse("socketpair", EAFNOSUPPORT, {{0, SCMP_CMP_NE, AF_UNIX, 0}});
}

/// Raw and packet sockets read and forge what they like; the other types and protocols are rarely used code.
void refuse_inet_types_and_protocols(Filter& filter, std::uint32_t family) {
  for (const auto& prefix : prefixes_of_gaps(kTypes)) {
    const Prefix within_type{prefix.value, prefix.mask & kTypeMask};
    const bool raw = within_type == Prefix{SOCK_RAW, kTypeMask};
    filter.refuse("socket", raw ? EPERM : ESOCKTNOSUPPORT, {equals32(0, family), matches(1, within_type)});
  }
  for (const auto& prefix : prefixes_of_gaps(kProtocols))
    filter.refuse("socket", EPROTONOSUPPORT, {equals32(0, family), matches(2, prefix)});
  filter.refuse("socket", EPROTONOSUPPORT, {equals32(0, family), greater(2, std::end(kProtocols)[-1])});
}

}  // namespace

std::span<const RefusedCall> refused_calls() {
  return kRefusedCalls;
}

std::span<const std::uint32_t> allowed_socket_families() {
  return kFamilies;
}

std::span<const std::uint32_t> allowed_inet_protocols() {
  return kProtocols;
}

std::vector<Prefix> prefixes_of_range(std::uint32_t first, std::uint32_t last) {
  std::vector<Prefix> out;
  std::uint64_t next = first;
  while (next <= last) {
    // The largest block that starts here: aligned to its own size, and not beyond `last`.
    const std::uint64_t aligned = next == 0 ? std::uint64_t{1} << 32 : next & (~next + 1);
    const std::uint64_t size = std::min(aligned, std::bit_floor(last - next + 1));
    out.push_back({static_cast<std::uint32_t>(next), static_cast<std::uint32_t>(~(size - 1))});
    next += size;
  }
  return out;
}

std::vector<Prefix> prefixes_of_gaps(std::span<const std::uint32_t> allowed) {
  std::vector<Prefix> out;
  std::uint32_t next = 0;
  for (const std::uint32_t number : allowed) {
    if (number > next)
      for (const auto& prefix : prefixes_of_range(next, number - 1)) out.push_back(prefix);
    next = number + 1;
  }
  return out;
}

std::string build_box_filter() {
  Filter filter(SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(ENOSYS));
  for (const auto& call : kRefusedCalls) filter.refuse(call.name, call.error);
  refuse_families(filter);
  refuse_inet_types_and_protocols(filter, AF_INET);
  refuse_inet_types_and_protocols(filter, AF_INET6);
  // Both type characters into a terminal's input, for the shell that started the box to run.
  filter.refuse("ioctl", EPERM, {equals32(1, TIOCSTI)});
  filter.refuse("ioctl", EPERM, {equals32(1, TIOCLINUX)});
  return filter.bytes();
}

std::string build_gateway_filter() {
  Filter filter(SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_PROCESS);
  for (const char* name : kGatewayCalls) filter.allow(name);
  filter.allow("recvmsg", {{0, SCMP_CMP_EQ, kGatewayControl, 0}});
  filter.allow("accept4", {{0, SCMP_CMP_EQ, kGatewayTcp, 0}});
  // A connected UDP socket is no leash: sendto with an address takes it anywhere. Only the box's own name server
  // answers to addresses, and its socket is in the box's network.
  filter.allow("sendto", {{4, SCMP_CMP_EQ, 0, 0}});
  filter.allow("sendto", {{0, SCMP_CMP_EQ, kGatewayUdp, 0}});
  // The descriptors above keep their meaning: none of them can be closed and come back as another.
  for (const auto& prefix : prefixes_of_range(kGatewayTcp + 1, kGatewayMaxDescriptor))
    filter.allow("close", {{0, SCMP_CMP_MASKED_EQ, ~std::uint64_t{0xffffffff} | prefix.mask, prefix.value}});
  filter.allow("mmap",
               {{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}, {3, SCMP_CMP_EQ, MAP_PRIVATE | MAP_ANONYMOUS, 0}});
#ifdef __SANITIZE_ADDRESS__
  // What the sanitizers' own runtime asks for. No such build is ever installed.
  for (const char* name : {"madvise", "sched_yield", "gettid"}) filter.allow(name);
  filter.allow("mmap", {{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0},
                        {3, SCMP_CMP_MASKED_EQ, MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS,
                         MAP_PRIVATE | MAP_ANONYMOUS}});
#endif
  return filter.bytes();
}

}  // namespace claudebox::sys
