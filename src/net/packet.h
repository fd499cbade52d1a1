// An IP packet as the gateway needs it: a view over hostile bytes. Pure, no allocation.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "net/address.h"

namespace claudebox::net {

inline constexpr std::uint8_t kIcmp = 1;
inline constexpr std::uint8_t kTcp = 6;
inline constexpr std::uint8_t kUdp = 17;
inline constexpr std::uint8_t kIcmpV6 = 58;

inline constexpr std::uint8_t kTcpFin = 0x01;
inline constexpr std::uint8_t kTcpSyn = 0x02;
inline constexpr std::uint8_t kTcpRst = 0x04;
inline constexpr std::uint8_t kTcpAck = 0x10;

/// Points into the bytes that it was read from.
struct Packet {
  std::span<const std::uint8_t> bytes{};  ///< the whole packet, exactly as long as its header says
  Address source{};
  Address destination{};
  std::uint8_t protocol = 0;      ///< IPv4 protocol, IPv6 next header of the fixed header
  std::size_t header_length = 0;  ///< of the IP header
  bool has_options = false;       ///< IPv4 options. IPv6 extension headers show as `protocol`
  bool is_fragment =
      false;  ///< IPv4: more fragments follow or the offset is not zero. IPv6: a fragment header
  bool is_later_fragment = false;  ///< the offset is not zero: what follows is no transport header

  /// Of TCP and UDP where the transport header is whole, else 0.
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  /// Whether the transport header that `protocol` needs is there as a whole (TCP with its options, UDP, ICMP 8 bytes).
  bool is_whole = false;

  std::uint8_t tcp_flags = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint32_t data_length = 0;  ///< payload of TCP

  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
};

/// Reads one packet. Empty where the bytes are no IPv4 or IPv6 packet: too short, header longer than the packet, a
/// total length that is not what was read.
std::optional<Packet> parse_packet(std::span<const std::uint8_t> bytes) noexcept;

/// The destination of the packet that an ICMP error quotes; empty for everything else.
std::optional<Address> quoted_destination(const Packet& packet) noexcept;

}  // namespace claudebox::net
