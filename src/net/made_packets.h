// Packets for tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "net/packet.h"

namespace claudebox::net::testing {

inline void put(std::vector<std::uint8_t>& bytes, std::size_t at, std::uint32_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i)
    bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * (size - 1 - i)));
}

/// An IP packet around `payload`. Checksums are left zero: the gateway does not look at them.
inline std::vector<std::uint8_t> ip(const char* source, const char* destination, std::uint8_t protocol,
                                    const std::vector<std::uint8_t>& payload) {
  const auto from = *Address::parse(source);
  const auto to = *Address::parse(destination);
  const std::size_t header = from.is_v4() ? 20 : 40;
  std::vector<std::uint8_t> out(header);
  if (from.is_v4()) {
    out[0] = 0x45;
    put(out, 2, static_cast<std::uint32_t>(header + payload.size()), 2);
    out[8] = 64;
    out[9] = protocol;
  } else {
    out[0] = 0x60;
    put(out, 4, static_cast<std::uint32_t>(payload.size()), 2);
    out[6] = protocol;
    out[7] = 64;
  }
  const std::size_t at = from.is_v4() ? 12 : 8;
  std::copy(from.bytes().begin(), from.bytes().end(), out.begin() + static_cast<std::ptrdiff_t>(at));
  std::copy(to.bytes().begin(), to.bytes().end(),
            out.begin() + static_cast<std::ptrdiff_t>(at + from.bytes().size()));
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

struct Segment {
  std::uint16_t from = 40000, to = 80;
  std::uint8_t flags = kTcpSyn;
  std::uint32_t sequence = 1000, acknowledgement = 0;
  std::size_t data = 0;
};
inline std::vector<std::uint8_t> tcp(const char* source, const char* destination,
                                     const Segment& segment = {}) {
  std::vector<std::uint8_t> payload(20 + segment.data);
  put(payload, 0, segment.from, 2);
  put(payload, 2, segment.to, 2);
  put(payload, 4, segment.sequence, 4);
  put(payload, 8, segment.acknowledgement, 4);
  payload[12] = 0x50;
  payload[13] = segment.flags;
  return ip(source, destination, kTcp, payload);
}

inline std::vector<std::uint8_t> udp(const char* source, const char* destination, std::uint16_t to = 53,
                                     std::uint16_t from = 5000) {
  std::vector<std::uint8_t> payload(12);
  put(payload, 0, from, 2);
  put(payload, 2, to, 2);
  return ip(source, destination, kUdp, payload);
}

inline std::vector<std::uint8_t> icmp(const char* source, const char* destination, std::uint8_t type,
                                      const std::vector<std::uint8_t>& quoted = {}) {
  std::vector<std::uint8_t> payload(8);
  payload[0] = type;
  payload.insert(payload.end(), quoted.begin(), quoted.end());
  const bool v4 = Address::parse(source)->is_v4();
  return ip(source, destination, v4 ? kIcmp : kIcmpV6, payload);
}

}  // namespace claudebox::net::testing
