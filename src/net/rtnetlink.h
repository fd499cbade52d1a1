// What the host's kernel says about its addresses and routes, rtnetlink(7), and what of it no box may reach. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "net/address.h"
#include "net/policy.h"

namespace claudebox::net {

/// One address of an interface.
struct HostAddress {
  int interface = 0;
  Address own{};  ///< the host's own
  std::optional<Prefix>
      on_link{};  ///< what is reached through it without a router: the network, or a point-to-point peer
  bool operator==(const HostAddress&) const = default;
};

/// One unicast route, of any table.
struct HostRoute {
  Prefix destination{};
  int interface = 0;                 ///< 0: several, or none
  std::optional<Address> gateway{};  ///< IPv4 may go by way of an IPv6 one (RTA_VIA)
  bool local = false;                ///< RTN_LOCAL: an address of the host itself
  std::uint32_t table = 254;         ///< RT_TABLE_MAIN
  bool operator==(const HostRoute&) const = default;
};

struct HostFacts {
  std::vector<HostAddress> addresses{};
  std::vector<HostRoute> routes{};
  bool operator==(const HostFacts&) const = default;
};

/// How a dump stands after a datagram.
struct Dump {
  bool done = false;  ///< that was the last one
  bool interrupted =
      false;            ///< something changed meanwhile (NLM_F_DUMP_INTR): what was read may not fit together
  bool failed = false;  ///< the kernel refused, or the bytes are no messages
  bool operator==(const Dump&) const = default;
};
/// Reads the messages of one datagram of a dump into `facts`.
Dump read_dump(std::span<const std::uint8_t> datagram, HostFacts& facts);

/// What no box may reach:
///  - the host's own addresses, but for 127.0.0.0/8 and ::1, which are the box's own in there anyway
///  - every network on link, and the other end of a point-to-point link
///  - every route that leads elsewhere than to the internet, in every table: the networks of a VPN
///
/// A route leads to the internet where a default route of its table or of the main one has the same device and gateway.
/// A route shorter than /8 (IPv4) or /16 (IPv6) is a default route in another form: OpenVPN's 0.0.0.0/1 and 128.0.0.0/1,
/// 2000::/3, "everything but private addresses" as some VPNs spell it in thirty routes. Without a gateway only these
/// make a device lead to the internet: beside a real default route, a route without gateway is a network on link.
/// An on-link network that short is not believed.
std::vector<HostPrefix> host_prefixes(const HostFacts& facts);

}  // namespace claudebox::net
