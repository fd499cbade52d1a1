// Addresses that no box may reach by itself, whatever network the host is in. Pure.
#pragma once

#include "net/address.h"

namespace claudebox::net {

/// Why `address` is not a public destination, as words for a log ("private", "link-local", "IPv6 that embeds
/// IPv4"); a null pointer where it is one. From the IANA special-purpose address registries (RFC 6890), with
/// cloud metadata services on public addresses, and everything outside 2000::/3.
const char* special_purpose(const Address& address) noexcept;

/// Addresses of cloud metadata services, also inside IPv6 that embeds IPv4. No grant of any kind opens them.
bool is_metadata(const Address& address) noexcept;

/// Whether one of them lies in `prefix`.
bool holds_metadata(const Prefix& prefix);

/// IPv6 that means an IPv4 address: mapped, compatible, NAT64, 6to4, Teredo. A socket of the host's that connects to
/// ::ffff:127.0.0.1 reaches the host's loopback.
bool embeds_v4(const Address& address) noexcept;

/// Multicast and broadcast: a packet to one must never be answered (RFC 1122 section 3.2.2, RFC 4443 section 2.4).
bool is_group(const Address& address) noexcept;

}  // namespace claudebox::net
