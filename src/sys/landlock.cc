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

/// All that an ABI can handle, landlock(7): an unknown bit is refused, and so is a longer structure with something in it.
RulesetAttributes everything(int abi) noexcept {
  RulesetAttributes attributes;
  attributes.handled_access_fs = (1U << 13) - 1;
  if (abi >= 2) attributes.handled_access_fs |= 1U << 13;  // REFER
  if (abi >= 3) attributes.handled_access_fs |= 1U << 14;  // TRUNCATE
  if (abi >= 5) attributes.handled_access_fs |= 1U << 15;  // IOCTL_DEV
  if (abi >= 4) attributes.handled_access_net = 3;         // BIND_TCP, CONNECT_TCP
  if (abi >= 6) attributes.scoped = 3;                     // abstract sockets, signals
  return attributes;
}

long create_ruleset(const RulesetAttributes* attributes, unsigned long size, unsigned flags) noexcept {
  return ::syscall(SYS_landlock_create_ruleset, attributes, size, flags);
}

bool restrict_self(const RulesetAttributes& attributes, unsigned long size) noexcept {
  const int ruleset = static_cast<int>(create_ruleset(&attributes, size, 0));
  if (ruleset < 0) return false;
  const bool ok = ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  const int saved = errno;
  ::close(ruleset);
  errno = saved;
  return ok;
}

}  // namespace

int landlock_abi() noexcept {
  const long abi = create_ruleset(nullptr, 0, kCreateRulesetVersion);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

bool scope_abstract_sockets() noexcept {
  RulesetAttributes attributes;
  attributes.scoped = kScopeAbstractUnixSocket;
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && restrict_self(attributes, sizeof attributes);
}

bool deny_everything() noexcept {
  const int abi = landlock_abi();
  if (abi == 0) return true;
  const RulesetAttributes attributes = everything(abi);
  const unsigned long size = abi >= 6   ? sizeof attributes
                             : abi >= 4 ? 2 * sizeof(std::uint64_t)
                                        : sizeof(std::uint64_t);
  return restrict_self(attributes, size);
}

}  // namespace claudebox::sys
