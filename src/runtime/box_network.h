// The box's own network, made from inside its namespace by the child that owns it.
#pragma once

#include <netinet/in.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "sys/fd.h"

namespace claudebox::runtime {

/// What the child makes. Plain data, prepared before the clone.
struct BoxNetworkSpec {
  bool tun = false;  ///< a tun device with the default routes, and the sockets of the name server
  in_addr box_v4{};
  in6_addr box_v6{};
  in_addr resolver{};
  const std::uint16_t* reach = nullptr;  ///< ports of --reach: a listener on 127.0.0.1 and ::1 for each
  std::size_t reach_count = 0;
  int descriptors = -1;  ///< SEQPACKET socket that the descriptors are handed out on; -1 where there are none
};

/// At most as many ports can be reached: all descriptors travel in one datagram.
inline constexpr std::size_t kMaxReachedPorts = 100;

/// `network` as the child wants it. `reach` must live as long as the result.
BoxNetworkSpec make_box_network_spec(const plan::Plan& plan, const std::vector<std::uint16_t>& reach,
                                     int descriptors);

/// Where it failed.
enum class NetworkStep : int { none, loopback, tun_open, tun_make, configure, resolver, reach, hand_over };

/// Brings up lo; with `tun` makes the device, its addresses and routes and the name server's sockets; makes the
/// listeners; hands all of them out. Needs the capabilities over a fresh network namespace. C rules: allocates nothing,
/// throws nothing. Leaves errno set where it failed.
///
/// The device is persistent: closing the last descriptor of one that is not blocks for 10 to 40 ms in the kernel. It goes
/// with its namespace. Without IPv6 in the kernel there is none in the box.
NetworkStep set_up_box_network(const BoxNetworkSpec& spec) noexcept;

/// What the child handed out.
struct BoxNetwork {
  sys::UniqueFd tun, udp, tcp;       ///< empty without `tun`; all non-blocking
  std::vector<sys::UniqueFd> reach;  ///< for each port a v4 and a v6 listener; the latter empty without IPv6
};

/// Takes what `set_up_box_network` handed out from the other end of `descriptors`. Throws.
BoxNetwork take_box_network(int socket, const BoxNetworkSpec& spec);

}  // namespace claudebox::runtime
