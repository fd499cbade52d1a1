// How a packet is refused: the answer that makes the sender's call fail at once. Pure, no allocation.
#pragma once

#include <cstdint>
#include <span>

#include "net/packet.h"

namespace claudebox::net {

/// The longest answer.
inline constexpr std::size_t kMaxRefusal = 1280;

/// Writes the answer to `packet`, as if from its destination: TCP RST for a segment that carries ACK (an
/// established connection ends), "administratively prohibited" for the rest (a connect fails with EHOSTUNREACH in
/// IPv4, EACCES in IPv6). Gives its length; 0 where it must not be answered (groups, later fragments, RST, ICMP
/// errors, too short). RFC 792, RFC 4443, RFC 9293 section 3.10.7.1.
std::size_t write_refusal(const Packet& packet, std::span<std::uint8_t, kMaxRefusal> out) noexcept;

/// One end of a TCP connection, for a RST that the other end believes (RFC 5961: its sequence number must be exactly
/// what the receiver expects next).
struct ResetTarget {
  Address source{};  ///< whom the RST pretends to come from
  Address destination{};
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
};
/// An IP packet with a RST|ACK. Both addresses of one family.
std::size_t write_reset(const ResetTarget& target, std::span<std::uint8_t, kMaxRefusal> out) noexcept;

}  // namespace claudebox::net
