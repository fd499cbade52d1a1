// What the box's seccomp filter refuses, as tables, and the way from the tables to BPF. Runs at build time
// and in tests only: claudebox itself carries the finished program (sys/seccomp.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace claudebox::sys {

/// A whole system call that is refused, whatever its arguments.
struct RefusedCall {
  const char* name;
  int error;
};

/// All of them. A call that this architecture does not have is left out of the filter.
std::span<const RefusedCall> refused_calls();

/// The families of socket(2) that a box may use, ascending. Every other one gets EAFNOSUPPORT.
std::span<const std::uint32_t> allowed_socket_families();
/// The protocols of AF_INET and AF_INET6 that a box may use, ascending. Every other one gets EPROTONOSUPPORT.
std::span<const std::uint32_t> allowed_inet_protocols();

/// The numbers n with (n & mask) == value: an aligned power of two of them, like a route.
struct Prefix {
  std::uint32_t value = 0;
  std::uint32_t mask = 0;
  bool operator==(const Prefix&) const = default;
};

/// The fewest prefixes that hold exactly the numbers `first` to `last`.
std::vector<Prefix> prefixes_of_range(std::uint32_t first, std::uint32_t last);

/// Prefixes for every number below the last allowed one that is not allowed. `allowed` ascends, is not empty.
std::vector<Prefix> prefixes_of_gaps(std::span<const std::uint32_t> allowed);

/// The filter as the bytes of a BPF program (an array of struct sock_filter) for this machine's architecture.
/// Throws std::runtime_error where libseccomp refuses a rule.
std::string build_box_filter();

/// The gateway's filter: an allow-list. Everything else ends the process, since an unexpected call there is a bug or a
/// take-over, and an errno would let an attacker try on.
std::string build_gateway_filter();

}  // namespace claudebox::sys
