// The filter against the kernel: every call here is really made, in a child that runs under the filter.
#include "sys/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "sys/fd.h"
#include "sys/seccomp_policy.h"

namespace claudebox::sys {
namespace {

using Word = unsigned long long;
constexpr Word kUpperBit = 0x1'0000'0000;

/// 0, or the errno, of a call with all 64 bits of its arguments as given. A descriptor is closed again.
int attempt(long number, Word a = 0, Word b = 0, Word c = 0, Word d = 0) {
  const long result = ::syscall(number, a, b, c, d, 0, 0);
  if (result < 0) return errno;
  if (number == SYS_socket) ::close(static_cast<int>(result));
  return 0;
}

bool install_filter() {
  std::vector<sock_filter> program(box_seccomp_filter().size() / sizeof(sock_filter));
  std::memcpy(program.data(), box_seccomp_filter().data(), box_seccomp_filter().size());
  const sock_fprog described{static_cast<unsigned short>(program.size()), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &described) == 0;
}

/// Runs `body` in a child, under the filter where `filtered`; returns what it says.
std::string in_child(bool filtered, const std::function<std::string()>& body) {
  Pipe pipe = make_pipe();
  const pid_t child = ::fork();
  if (child == 0) {
    ::setsid();  // nothing here may touch the terminal of the tests
    const std::string said = filtered && !install_filter() ? "can't install the filter" : body();
    write_all(pipe.write.get(), said);
    ::_exit(0);
  }
  pipe.write.reset();
  std::string said = read_all(pipe.read.get());
  int status = -1;
  ::waitpid(child, &status, 0);
  if (status != 0) said += " (the child ended with wait status " + std::to_string(status) + ")";
  return said;
}

std::string describe(Word family, Word type, Word protocol, int got, int expected) {
  return "socket(" + std::to_string(family) + ", " + std::to_string(type) + ", " + std::to_string(protocol) +
         "): " + std::strerror(got) + " where " + std::strerror(expected) + " was expected";
}

bool holds(std::span<const std::uint32_t> numbers, Word number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

/// What the filter must answer, by rules of its own and not by the tables' prefixes; 0 where it stays out.
/// Several refusals may fit: the protocol's is given by `or_else`.
struct Verdict {
  int error = 0;
  int or_else = 0;
};
Verdict verdict(Word family, Word type, Word protocol) {
  if (!holds(allowed_socket_families(), family)) return {EAFNOSUPPORT, EAFNOSUPPORT};
  if (family != AF_INET && family != AF_INET6) return {};
  const Word kind = type & 15;
  const int by_type = kind == SOCK_STREAM || kind == SOCK_DGRAM ? 0
                      : kind == SOCK_RAW                        ? EPERM
                                                                : ESOCKTNOSUPPORT;
  const int by_protocol = holds(allowed_inet_protocols(), protocol) ? 0 : EPROTONOSUPPORT;
  if (by_type == 0) return {by_protocol, by_protocol};
  return {by_type, by_protocol == 0 ? by_type : by_protocol};
}

/// Every protocol for one family and type; `unfiltered` are the kernel's own answers.
std::string compare_protocols(Word family, Word type, Word extra, const std::vector<int>& unfiltered) {
  for (Word protocol = 0; protocol <= 2000; ++protocol) {
    const Verdict expected = verdict(family, type, protocol | extra);
    const int got = attempt(SYS_socket, family, type, protocol | extra);
    if (expected.error != 0) {
      if (got != expected.error && got != expected.or_else)
        return describe(family, type, protocol | extra, got, expected.error);
    } else if (got != unfiltered[protocol]) {
      return describe(family, type, protocol | extra, got, unfiltered[protocol]);
    }
  }
  return {};
}

/// The kernel's answers without the filter, where the filter lets the call through; elsewhere they don't
/// matter.
std::vector<int> kernel_answers(Word family, Word type) {
  std::vector<int> out;
  for (Word protocol = 0; protocol <= 2000; ++protocol)
    out.push_back(verdict(family, type, protocol).error == 0 ? attempt(SYS_socket, family, type, protocol)
                                                             : -1);
  return out;
}

TEST(SeccompFilter, SocketTableIsExactlyTheAllowList) {
  for (Word family = 0; family <= 60; ++family)
    for (Word type = 0; type <= 15; ++type) {
      const auto unfiltered = kernel_answers(family, type);
      ASSERT_EQ(in_child(true, [&] { return compare_protocols(family, type, 0, unfiltered); }), "");
    }
}

TEST(SeccompFilter, SocketFlagsBesideTheTypeChangeNothing) {
  for (const Word family : std::initializer_list<Word>{AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_VSOCK})
    for (Word type = 0; type <= 15; ++type) {
      const auto unfiltered = kernel_answers(family, type);
      const Word flagged = type | SOCK_CLOEXEC | SOCK_NONBLOCK;
      ASSERT_EQ(in_child(true, [&] { return compare_protocols(family, flagged, 0, unfiltered); }), "");
    }
}

// The kernel cuts each argument to an int: what is above it may not open a way around.
TEST(SeccompFilter, UpperBitsOfSocketArgumentsOpenNothing) {
  const auto unfiltered = kernel_answers(AF_INET, SOCK_STREAM);
  const std::string said = in_child(true, [&]() -> std::string {
    for (Word family = 0; family <= 60; ++family)
      for (Word type = 0; type <= 15; ++type) {
        const int rubbish = attempt(SYS_socket, family | kUpperBit, type, 0);
        if (rubbish != EAFNOSUPPORT && (rubbish == 0 || rubbish != verdict(family, type, 0).error))
          return describe(family | kUpperBit, type, 0, rubbish, EAFNOSUPPORT);
        const bool inet = family == AF_INET || family == AF_INET6;
        const Verdict expected = verdict(family, type, 0);
        if (const int got = attempt(SYS_socket, family, type | kUpperBit, 0);
            expected.error != 0 && got != expected.error)
          return describe(family, type | kUpperBit, 0, got, expected.error);
        if (!inet || expected.error != 0) continue;
        if (auto wrong = compare_protocols(family, type, kUpperBit, unfiltered); !wrong.empty()) return wrong;
      }
    return {};
  });
  EXPECT_EQ(said, "");
}

TEST(SeccompFilter, SocketpairIsForUnixSocketsOnly) {
  const auto answers = [](Word family) {
    int ends[2];
    return std::to_string(attempt(SYS_socketpair, family, SOCK_STREAM, 0, reinterpret_cast<Word>(ends)));
  };
  EXPECT_EQ(in_child(true, [&] { return answers(AF_UNIX); }), "0");
  for (const Word family : {Word{AF_TIPC}, Word{AF_INET}, Word{AF_UNIX} | kUpperBit})
    EXPECT_EQ(in_child(true, [&] { return answers(family); }), std::to_string(EAFNOSUPPORT)) << family;
}

// On a descriptor that is not there the kernel says EBADF; who says EPERM is the filter.
TEST(SeccompFilter, RefusesToTypeIntoATerminal) {
  for (const Word request : {Word{TIOCSTI}, Word{TIOCLINUX}})
    for (const Word upper : {Word{0}, kUpperBit, Word{0xffff'ffff'0000'0000}}) {
      const auto push = [&] { return std::to_string(attempt(SYS_ioctl, Word(-1), request | upper)); };
      EXPECT_EQ(in_child(false, push), std::to_string(EBADF));
      EXPECT_EQ(in_child(true, push), std::to_string(EPERM)) << std::hex << (request | upper);
    }
}

TEST(SeccompFilter, LeavesOtherTerminalRequestsAlone) {
  for (const Word request :
       std::initializer_list<Word>{TCGETS, TIOCGWINSZ, TIOCSWINSZ, TIOCSPGRP, TIOCSCTTY, FIONREAD})
    EXPECT_EQ(in_child(true, [&] { return std::to_string(attempt(SYS_ioctl, Word(-1), request)); }),
              std::to_string(EBADF));
}

long number_of(std::string_view name) {
  struct Known {
    std::string_view name;
    long number;
  };
  static constexpr Known kKnown[] = {
      {"io_uring_setup", SYS_io_uring_setup},
      {"io_uring_enter", SYS_io_uring_enter},
      {"io_uring_register", SYS_io_uring_register},
      {"keyctl", SYS_keyctl},
      {"add_key", SYS_add_key},
      {"request_key", SYS_request_key},
      {"userfaultfd", SYS_userfaultfd},
      {"bpf", SYS_bpf},
      {"perf_event_open", SYS_perf_event_open},
      {"kexec_load", SYS_kexec_load},
      {"kexec_file_load", SYS_kexec_file_load},
      {"init_module", SYS_init_module},
      {"finit_module", SYS_finit_module},
      {"delete_module", SYS_delete_module},
      {"reboot", SYS_reboot},
      {"swapon", SYS_swapon},
      {"swapoff", SYS_swapoff},
      {"settimeofday", SYS_settimeofday},
      {"clock_settime", SYS_clock_settime},
      {"acct", SYS_acct},
      {"quotactl", SYS_quotactl},
      {"quotactl_fd", SYS_quotactl_fd},
      {"syslog", SYS_syslog},
      {"open_by_handle_at", SYS_open_by_handle_at},
      {"vhangup", SYS_vhangup},
#ifdef __x86_64__
      {"iopl", SYS_iopl},
      {"ioperm", SYS_ioperm},
      {"_sysctl", SYS__sysctl},
      {"afs_syscall", SYS_afs_syscall},
      {"create_module", SYS_create_module},
      {"get_kernel_syms", SYS_get_kernel_syms},
      {"getpmsg", SYS_getpmsg},
      {"modify_ldt", SYS_modify_ldt},
      {"putpmsg", SYS_putpmsg},
      {"query_module", SYS_query_module},
      {"security", SYS_security},
      {"sysfs", SYS_sysfs},
      {"tuxcall", SYS_tuxcall},
      {"uselib", SYS_uselib},
      {"ustat", SYS_ustat},
      {"vserver", SYS_vserver},
#endif
      {"lookup_dcookie", SYS_lookup_dcookie},
      {"nfsservctl", SYS_nfsservctl},
  };
  for (const auto& known : kKnown)
    if (known.name == name) return known.number;
  return -1;
}

// Every argument is -1: where a rule is missing, the kernel itself refuses it with another errno, or does
// nothing.
TEST(SeccompFilter, RefusesTheListedCallsWithTheirErrno) {
  std::size_t tried = 0;
  for (const auto& call : refused_calls()) {
    const long number = number_of(call.name);
    if (number < 0) continue;
    ++tried;
    const Word all = ~Word{0};
    EXPECT_EQ(in_child(true, [&] { return std::to_string(attempt(number, all, all, all, all)); }),
              std::to_string(call.error))
        << call.name;
  }
  EXPECT_GE(tried, 27U);
#ifdef __x86_64__
  EXPECT_EQ(tried, refused_calls().size()) << "a call has no number in this test";
#endif
}

// What the list is for, written down apart from it: a line that is lost from the table shows here.
TEST(SeccompFilter, RefusesWhatIsPromised) {
  struct Promise {
    long number;
    int error;
  };
  for (const auto& [number, error] :
       {Promise{SYS_io_uring_setup, ENOSYS}, Promise{SYS_io_uring_enter, ENOSYS}, Promise{SYS_keyctl, ENOSYS},
        Promise{SYS_add_key, ENOSYS}, Promise{SYS_request_key, ENOSYS}, Promise{SYS_userfaultfd, ENOSYS},
        Promise{SYS_bpf, EPERM}, Promise{SYS_perf_event_open, EACCES}, Promise{SYS_kexec_load, EPERM},
        Promise{SYS_init_module, EPERM}, Promise{SYS_finit_module, EPERM},
        Promise{SYS_open_by_handle_at, EPERM}, Promise{SYS_reboot, EPERM}, Promise{SYS_syslog, EPERM},
        Promise{SYS_swapon, EPERM}}) {
    const auto call = [&, wanted = number] {
      return std::to_string(attempt(wanted, ~Word{0}, ~Word{0}, ~Word{0}, ~Word{0}));
    };
    EXPECT_EQ(in_child(true, call), std::to_string(error)) << number;
  }
}

#ifdef __x86_64__
TEST(SeccompFilter, RefusesCallsOf32BitFromA64BitProgram) {
  const auto getpid32 = [] {
    long result = 20;  // getpid of i386
    asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return std::to_string(result);
  };
  if (in_child(false, getpid32).find("ended with") != std::string::npos)
    GTEST_SKIP() << "this kernel runs no 32-bit calls at all (ia32_emulation=off)";
  EXPECT_EQ(in_child(true, getpid32), std::to_string(-ENOSYS));
}
#endif

}  // namespace
}  // namespace claudebox::sys
