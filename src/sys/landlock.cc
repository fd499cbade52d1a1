#include "sys/landlock.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace claudebox::sys {
namespace {

// Own declarations: the headers of Debian 12 and Ubuntu 24.04 are older than the scopes. landlock(7)
constexpr unsigned kCreateRulesetVersion = 1U << 0;
constexpr std::uint64_t kScopeAbstractUnixSocket = 1U << 0;

struct RulesetAttributes {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;
  std::uint64_t scoped = 0;
};

long create_ruleset(const RulesetAttributes* attributes, unsigned long size, unsigned flags) noexcept {
  return ::syscall(SYS_landlock_create_ruleset, attributes, size, flags);
}

}  // namespace

int landlock_abi() noexcept {
  const long abi = create_ruleset(nullptr, 0, kCreateRulesetVersion);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

bool scope_abstract_sockets() noexcept {
  RulesetAttributes attributes;
  attributes.scoped = kScopeAbstractUnixSocket;
  const int ruleset = static_cast<int>(create_ruleset(&attributes, sizeof attributes, 0));
  if (ruleset < 0) return false;
  const bool ok =
      ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  const int saved = errno;
  ::close(ruleset);
  errno = saved;
  return ok;
}

}  // namespace claudebox::sys
