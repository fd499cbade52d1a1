// The Ethernet that slirp4netns wants around each packet. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "net/address.h"

namespace claudebox::gateway {

inline constexpr std::size_t kEthernetHeader = 14;

/// Writes the header for a packet of the box's in front of it.
void write_ethernet_header(std::span<std::uint8_t, kEthernetHeader> out, bool v4) noexcept;

/// The packet in a frame; empty for what is neither IPv4 nor IPv6 (ARP ends here).
std::optional<std::span<const std::uint8_t>> packet_of_frame(std::span<const std::uint8_t> frame) noexcept;

/// The frames that introduce the box to slirp4netns. It finds a MAC address by ARP and NDP, and behind a tun device there
/// is nobody to answer; libslirp keeps what a gratuitous ARP request (RFC 826) and an unsolicited neighbour
/// advertisement (RFC 4861 section 4.4) say for good.
std::vector<std::uint8_t> arp_introduction(const net::Address& box);
std::vector<std::uint8_t> ndp_introduction(const net::Address& box);

}  // namespace claudebox::gateway
