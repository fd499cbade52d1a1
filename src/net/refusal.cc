#include "net/refusal.h"

#include <algorithm>

#include "net/checksum.h"
#include "net/special_purpose.h"

namespace claudebox::net {
namespace {

constexpr std::size_t kV4Header = 20;
constexpr std::size_t kV6Header = 40;
constexpr std::size_t kIcmpHeader = 8;
constexpr std::size_t kTcpHeader = 20;
constexpr std::uint8_t kHops = 64;

using Out = std::span<std::uint8_t, kMaxRefusal>;

void put16(std::span<std::uint8_t> out, std::size_t at, std::uint32_t value) noexcept {
  out[at] = static_cast<std::uint8_t>(value >> 8);
  out[at + 1] = static_cast<std::uint8_t>(value);
}
void put32(std::span<std::uint8_t> out, std::size_t at, std::uint32_t value) noexcept {
  put16(out, at, value >> 16);
  put16(out, at + 2, value);
}

std::size_t header_size(const Address& address) noexcept {
  return address.is_v4() ? kV4Header : kV6Header;
}

/// Gives the size of the header.
std::size_t write_header(Out out, const Address& source, const Address& destination, std::uint8_t protocol,
                         std::size_t payload) noexcept {
  std::fill(out.begin(), out.begin() + kV6Header, std::uint8_t{0});
  if (source.is_v4()) {
    out[0] = 0x45;
    put16(out, 2, static_cast<std::uint32_t>(kV4Header + payload));
    out[8] = kHops;
    out[9] = protocol;
    std::copy(source.bytes().begin(), source.bytes().end(), out.begin() + 12);
    std::copy(destination.bytes().begin(), destination.bytes().end(), out.begin() + 16);
    Checksum sum;
    sum.add(out.first(kV4Header));
    put16(out, 10, sum.value());
  } else {
    out[0] = 0x60;
    put16(out, 4, static_cast<std::uint32_t>(payload));
    out[6] = protocol;
    out[7] = kHops;
    std::copy(source.bytes().begin(), source.bytes().end(), out.begin() + 8);
    std::copy(destination.bytes().begin(), destination.bytes().end(), out.begin() + 24);
  }
  return header_size(source);
}

/// What an error quotes: the header and some of what follows; of IPv6 as much as fits the minimum MTU (RFC 4443 2.4 c).
std::size_t quoted_length(const Packet& packet) noexcept {
  const std::size_t most =
      packet.source.is_v4() ? packet.header_length + 64 : kMaxRefusal - kV6Header - kIcmpHeader;
  return std::min(packet.bytes.size(), most);
}

std::size_t write_prohibited(const Packet& packet, Out out) noexcept {
  const bool v4 = packet.source.is_v4();
  const std::size_t quoted = quoted_length(packet);
  const std::uint8_t protocol = v4 ? kIcmp : kIcmpV6;
  const std::size_t at = write_header(out, packet.destination, packet.source, protocol, kIcmpHeader + quoted);
  const auto message = std::span<std::uint8_t>(out).subspan(at, kIcmpHeader + quoted);
  std::fill(message.begin(), message.begin() + kIcmpHeader, std::uint8_t{0});
  message[0] = v4 ? 3 : 1;   // destination unreachable:
  message[1] = v4 ? 13 : 1;  // administratively prohibited
  std::copy_n(packet.bytes.begin(), quoted, message.begin() + kIcmpHeader);
  Checksum sum;
  if (!v4) sum.add_pseudo_header(packet.destination, packet.source, protocol, message.size());
  sum.add(message);
  put16(message, 2, sum.value());
  return at + message.size();
}

std::size_t write_tcp(const ResetTarget& target, std::uint8_t flags, Out out) noexcept {
  const std::size_t at = write_header(out, target.source, target.destination, kTcp, kTcpHeader);
  const auto segment = std::span<std::uint8_t>(out).subspan(at, kTcpHeader);
  std::fill(segment.begin(), segment.end(), std::uint8_t{0});
  put16(segment, 0, target.source_port);
  put16(segment, 2, target.destination_port);
  put32(segment, 4, target.sequence);
  put32(segment, 8, target.acknowledgement);
  segment[12] = (kTcpHeader / 4) << 4;
  segment[13] = flags;
  Checksum sum;
  sum.add_pseudo_header(target.source, target.destination, kTcp, kTcpHeader);
  sum.add(segment);
  put16(segment, 16, sum.value());
  return at + kTcpHeader;
}

bool may_be_answered(const Packet& packet) noexcept {
  if (is_group(packet.destination) || packet.is_later_fragment) return false;
  if (packet.protocol == kTcp) return packet.is_whole && (packet.tcp_flags & kTcpRst) == 0;
  if (packet.source.is_v4()) return packet.protocol != kIcmp || (packet.is_whole && packet.icmp_type == 8);
  return packet.protocol != kIcmpV6 || (packet.is_whole && packet.icmp_type >= 128);
}

}  // namespace

std::size_t write_refusal(const Packet& packet, Out out) noexcept {
  if (!may_be_answered(packet)) return 0;
  if (packet.protocol != kTcp || (packet.tcp_flags & kTcpAck) == 0) return write_prohibited(packet, out);
  return write_tcp({.source = packet.destination,
                    .destination = packet.source,
                    .source_port = packet.destination_port,
                    .destination_port = packet.source_port,
                    .sequence = packet.acknowledgement,
                    .acknowledgement = 0},
                   kTcpRst, out);
}

std::size_t write_reset(const ResetTarget& target, Out out) noexcept {
  if (target.source.is_v4() != target.destination.is_v4()) return 0;
  return write_tcp(target, kTcpRst | kTcpAck, out);
}

}  // namespace claudebox::net
