#include "net/packet.h"

namespace claudebox::net {
namespace {

constexpr std::size_t kMinV4 = 20;
constexpr std::size_t kV6 = 40;
constexpr std::size_t kMinTcp = 20;
constexpr std::size_t kMinOther = 8;  // UDP, and what ICMP needs to be answered; a fragment header of IPv6
constexpr std::uint8_t kFragmentHeader = 44;

std::uint16_t u16(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
std::uint32_t u32(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
  return static_cast<std::uint32_t>(u16(bytes, at)) << 16 | u16(bytes, at + 2);
}

bool read_v4(Packet& packet) noexcept {
  const auto& bytes = packet.bytes;
  if (bytes.size() < kMinV4) return false;
  packet.header_length = std::size_t{bytes[0] & 0x0fU} * 4;
  if (packet.header_length < kMinV4 || packet.header_length > bytes.size() || u16(bytes, 2) != bytes.size())
    return false;
  packet.has_options = packet.header_length > kMinV4;
  const std::uint16_t fragment = u16(bytes, 6);
  packet.is_fragment = (fragment & 0x3fff) != 0;
  packet.is_later_fragment = (fragment & 0x1fff) != 0;
  packet.protocol = bytes[9];
  packet.source = Address(bytes.subspan(12, 4));
  packet.destination = Address(bytes.subspan(16, 4));
  return true;
}

bool read_v6(Packet& packet) noexcept {
  const auto& bytes = packet.bytes;
  if (bytes.size() < kV6 || u16(bytes, 4) + kV6 != bytes.size()) return false;
  packet.header_length = kV6;
  packet.protocol = bytes[6];
  packet.is_fragment = packet.protocol == kFragmentHeader;
  packet.is_later_fragment =
      packet.is_fragment && bytes.size() >= kV6 + kMinOther && (u16(bytes, kV6 + 2) & 0xfff8) != 0;
  packet.source = Address(bytes.subspan(8, 16));
  packet.destination = Address(bytes.subspan(24, 16));
  return true;
}

void read_tcp(Packet& packet, std::span<const std::uint8_t> segment) noexcept {
  if (segment.size() < kMinTcp) return;
  const std::size_t header = std::size_t{segment[12]} / 16 * 4;
  if (header < kMinTcp || header > segment.size()) return;
  packet.is_whole = true;
  packet.source_port = u16(segment, 0);
  packet.destination_port = u16(segment, 2);
  packet.sequence = u32(segment, 4);
  packet.acknowledgement = u32(segment, 8);
  packet.tcp_flags = segment[13];
  packet.data_length = static_cast<std::uint32_t>(segment.size() - header);
}

void read_transport(Packet& packet) noexcept {
  if (packet.is_later_fragment) return;
  const auto payload = packet.bytes.subspan(packet.header_length);
  if (packet.protocol == kTcp) return read_tcp(packet, payload);
  if (payload.size() < kMinOther) return;
  if (packet.protocol == kUdp) {
    packet.is_whole = true;
    packet.source_port = u16(payload, 0);
    packet.destination_port = u16(payload, 2);
  } else if (packet.protocol == kIcmp || packet.protocol == kIcmpV6) {
    packet.is_whole = true;
    packet.icmp_type = payload[0];
    packet.icmp_code = payload[1];
  }
}

bool is_error(const Packet& packet) noexcept {
  if (packet.source.is_v4())
    return packet.protocol == kIcmp && (packet.icmp_type == 3 || packet.icmp_type == 4 ||
                                        packet.icmp_type == 11 || packet.icmp_type == 12);
  return packet.protocol == kIcmpV6 && packet.icmp_type < 128;
}

}  // namespace

std::optional<Packet> parse_packet(std::span<const std::uint8_t> bytes) noexcept {
  if (bytes.empty()) return std::nullopt;
  Packet packet{.bytes = bytes};
  const unsigned version = bytes[0] >> 4;
  const bool ok = version == 4 ? read_v4(packet) : version == 6 && read_v6(packet);
  if (!ok) return std::nullopt;
  read_transport(packet);
  return packet;
}

std::optional<Address> quoted_destination(const Packet& packet) noexcept {
  if (!packet.is_whole || !is_error(packet)) return std::nullopt;
  const auto quoted = packet.bytes.subspan(packet.header_length + kMinOther);
  if (packet.source.is_v4()) {
    if (quoted.size() < kMinV4 || quoted[0] >> 4 != 4) return std::nullopt;
    return Address(quoted.subspan(16, 4));
  }
  if (quoted.size() < kV6 || quoted[0] >> 4 != 6) return std::nullopt;
  return Address(quoted.subspan(24, 16));
}

}  // namespace claudebox::net
