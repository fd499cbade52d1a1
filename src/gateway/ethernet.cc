#include "gateway/ethernet.h"

#include <algorithm>

namespace claudebox::gateway {
namespace {

using Mac = std::array<std::uint8_t, 6>;

/// Locally administered. libslirp looks at neither but to answer.
constexpr Mac kBox{0x02, 0, 0, 0, 0, 0x01};
constexpr Mac kSlirp{0x52, 0x55, 0, 0, 0, 0x02};

constexpr std::array<std::uint8_t, 2> kIpv4{0x08, 0x00};
constexpr std::array<std::uint8_t, 2> kIpv6{0x86, 0xdd};
constexpr std::array<std::uint8_t, 2> kArp{0x08, 0x06};

template <class Bytes>
void append(std::vector<std::uint8_t>& out, const Bytes& bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

std::vector<std::uint8_t> header(const Mac& destination, const std::array<std::uint8_t, 2>& type) {
  std::vector<std::uint8_t> out;
  append(out, destination);
  append(out, kBox);
  append(out, type);
  return out;
}

/// RFC 1071, over an even number of bytes.
std::uint16_t checksum(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
    sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace

void write_ethernet_header(std::span<std::uint8_t, kEthernetHeader> out, bool v4) noexcept {
  std::copy(kSlirp.begin(), kSlirp.end(), out.begin());
  std::copy(kBox.begin(), kBox.end(), out.begin() + 6);
  const auto& type = v4 ? kIpv4 : kIpv6;
  std::copy(type.begin(), type.end(), out.begin() + 12);
}

std::optional<std::span<const std::uint8_t>> packet_of_frame(std::span<const std::uint8_t> frame) noexcept {
  if (frame.size() < kEthernetHeader) return std::nullopt;
  const auto type = frame.subspan(12, 2);
  if (!std::equal(type.begin(), type.end(), kIpv4.begin()) &&
      !std::equal(type.begin(), type.end(), kIpv6.begin()))
    return std::nullopt;
  return frame.subspan(kEthernetHeader);
}

std::vector<std::uint8_t> arp_introduction(const net::Address& box) {
  auto frame = header({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, kArp);
  append(frame, std::array<std::uint8_t, 8>{0, 1, 8, 0, 6, 4, 0, 1});  // Ethernet, IPv4, request
  append(frame, kBox);
  append(frame, box.bytes());
  append(frame, Mac{});
  append(frame, box.bytes());
  return frame;
}

std::vector<std::uint8_t> ndp_introduction(const net::Address& box) {
  const auto router = *net::Address::parse("fd00::2");  // where libslirp has itself, whatever it is told
  std::vector<std::uint8_t> message{136, 0, 0, 0, 0x60, 0, 0, 0};  // advertisement, solicited and override
  append(message, box.bytes());
  append(message, std::array<std::uint8_t, 2>{2, 1});  // option: target link-layer address
  append(message, kBox);

  std::vector<std::uint8_t> pseudo;
  append(pseudo, box.bytes());
  append(pseudo, router.bytes());
  const auto length = static_cast<std::uint8_t>(message.size());
  append(pseudo, std::array<std::uint8_t, 8>{0, 0, 0, length, 0, 0, 0, 58});
  append(pseudo, message);
  const std::uint16_t sum = checksum(pseudo);
  message[2] = static_cast<std::uint8_t>(sum >> 8);
  message[3] = static_cast<std::uint8_t>(sum & 0xff);

  auto frame = header(kSlirp, kIpv6);
  append(frame, std::array<std::uint8_t, 8>{0x60, 0, 0, 0, 0, length, 58, 255});
  append(frame, box.bytes());
  append(frame, router.bytes());
  append(frame, message);
  return frame;
}

}  // namespace claudebox::gateway
