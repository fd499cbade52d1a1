#include "sys/seccomp_policy.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/syscall.h>

#include <cstddef>
#include <cstring>
#include <set>

#include "sys/seccomp.h"

namespace claudebox::sys {
namespace {

std::set<std::uint32_t> numbers_below(const std::vector<Prefix>& prefixes, std::uint32_t end) {
  std::set<std::uint32_t> out;
  for (std::uint32_t n = 0; n < end; ++n)
    for (const auto& prefix : prefixes)
      if ((n & prefix.mask) == prefix.value) out.insert(n);
  return out;
}

TEST(Prefixes, HoldExactlyTheRange) {
  for (std::uint32_t first = 0; first < 70; ++first)
    for (std::uint32_t last = first; last < 70; ++last) {
      std::set<std::uint32_t> expected;
      for (std::uint32_t n = first; n <= last; ++n) expected.insert(n);
      EXPECT_EQ(numbers_below(prefixes_of_range(first, last), 200), expected) << first << " to " << last;
    }
}

TEST(Prefixes, AreAsFewAsPossible) {
  EXPECT_EQ(prefixes_of_range(0, 0xffffffff), (std::vector<Prefix>{{0, 0}}));
  EXPECT_EQ(prefixes_of_range(8, 15), (std::vector<Prefix>{{8, 0xfffffff8}}));
  EXPECT_EQ(prefixes_of_range(0xffffffff, 0xffffffff), (std::vector<Prefix>{{0xffffffff, 0xffffffff}}));
  EXPECT_EQ(prefixes_of_range(3, 9).size(), 3U);
}

TEST(Prefixes, OfGapsLeaveOutWhatIsAllowed) {
  for (const auto allowed : {allowed_socket_families(), allowed_inet_protocols()}) {
    const auto refused = numbers_below(prefixes_of_gaps(allowed), 2000);
    const std::set<std::uint32_t> good(allowed.begin(), allowed.end());
    for (std::uint32_t n = 0; n <= allowed.back(); ++n) EXPECT_NE(refused.count(n), good.count(n)) << n;
    EXPECT_LT(*refused.rbegin(), allowed.back());  // above it a comparison "greater" takes over
  }
}

TEST(BoxFilter, AllowsTheSocketsThatArePromised) {
  const auto families = allowed_socket_families();
  const auto protocols = allowed_inet_protocols();
  EXPECT_EQ(std::vector(families.begin(), families.end()), (std::vector<std::uint32_t>{1, 2, 10, 16}));
  EXPECT_EQ(std::vector(protocols.begin(), protocols.end()),
            (std::vector<std::uint32_t>{IPPROTO_IP, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6,
                                        IPPROTO_MPTCP}));
}

TEST(BoxFilter, InTheProgramIsTheOneOfTheTables) {
  EXPECT_EQ(box_seccomp_filter(), build_box_filter());
}

/// Runs a BPF program as the kernel does, as far as libseccomp's output goes: for what this machine can't
/// run, such as calls of a foreign architecture.
std::uint32_t evaluate(std::string_view program, const seccomp_data& data) {
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < program.size() / sizeof(sock_filter); ++at) {
    sock_filter step{};
    std::memcpy(&step, program.data() + at * sizeof step, sizeof step);
    const auto jump = [&](bool taken) { at += taken ? step.jt : step.jf; };
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + step.k, sizeof accumulator);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= step.k;
        break;
      case BPF_JMP | BPF_JA:
        at += step.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        jump(accumulator == step.k);
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        jump(accumulator > step.k);
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        jump(accumulator >= step.k);
        break;
      case BPF_RET | BPF_K:
        return step.k;
      default:
        ADD_FAILURE() << "unknown instruction " << step.code;
        return 0;
    }
  }
  ADD_FAILURE() << "fell off the end";
  return 0;
}

#ifdef __x86_64__
constexpr std::uint32_t kNative = AUDIT_ARCH_X86_64;
constexpr std::uint32_t kForeign[] = {AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0};
#else
constexpr std::uint32_t kNative = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t kForeign[] = {AUDIT_ARCH_ARM, AUDIT_ARCH_X86_64, 0};
#endif

constexpr std::uint32_t refusal(int error) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

seccomp_data call(std::uint32_t architecture, int number) {
  seccomp_data data{};
  data.arch = architecture;
  data.nr = number;
  return data;
}

TEST(BoxFilter, RefusesEveryCallOfForeignArchitectures) {
  for (const std::uint32_t architecture : kForeign)
    for (int number = 0; number < 600; ++number)
      ASSERT_EQ(evaluate(box_seccomp_filter(), call(architecture, number)), refusal(ENOSYS)) << number;
}

#ifdef __x86_64__
// x32: the numbers of this architecture with a bit set. Kernels that have it would run them past every rule.
TEST(BoxFilter, RefusesEveryX32Call) {
  for (int number = 0; number < 600; ++number)
    ASSERT_EQ(evaluate(box_seccomp_filter(), call(kNative, number | 0x40000000)), refusal(ENOSYS)) << number;
}
#endif

TEST(BoxFilter, LeavesWhatProgramsAndNestedSandboxesNeed) {
  for (const int number :
       {SYS_clone, SYS_clone3, SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_move_mount,
        SYS_fsopen, SYS_ptrace, SYS_seccomp, SYS_landlock_create_ruleset, SYS_memfd_create, SYS_inotify_init1,
        SYS_name_to_handle_at})
    EXPECT_EQ(evaluate(box_seccomp_filter(), call(kNative, number)), SECCOMP_RET_ALLOW) << number;
}

}  // namespace
}  // namespace claudebox::sys
