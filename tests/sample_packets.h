// IP packets for tests, written byte by byte and without the code under test.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "net/address.h"
#include "net/packet.h"

namespace claudebox::sample {

using Bytes = std::vector<std::uint8_t>;

inline net::Address address(const char* text) {
  return net::Address::parse(text).value();
}

inline void put16(Bytes& bytes, std::uint32_t value) {
  bytes.push_back(static_cast<std::uint8_t>(value >> 8));
  bytes.push_back(static_cast<std::uint8_t>(value));
}
inline void put32(Bytes& bytes, std::uint32_t value) {
  put16(bytes, value >> 16);
  put16(bytes, value);
}
inline void put(Bytes& bytes, std::span<const std::uint8_t> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

/// The ones' complement sum of RFC 1071, unfolded from the end: 0xffff where a checksum inside is right.
inline std::uint32_t ones_sum(const Bytes& bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    sum += static_cast<std::uint64_t>(bytes[i]) << (i % 2 == 0 ? 8 : 0);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint32_t>(sum);
}

/// The sum over pseudo header and payload of a whole packet.
inline std::uint32_t transport_sum(std::span<const std::uint8_t> packet, std::uint8_t protocol) {
  const bool v4 = packet[0] >> 4 == 4;
  Bytes all;
  const auto payload = packet.subspan(v4 ? 20 : 40);
  put(all, v4 ? packet.subspan(12, 8) : packet.subspan(8, 32));
  put32(all, static_cast<std::uint32_t>(payload.size()));
  put32(all, protocol);
  put(all, payload);
  return ones_sum(all);
}

/// An IP packet around `payload`. `fragment` is the field of flags and offset, `options` a multiple of four bytes.
inline Bytes ip(const char* from, const char* to, std::uint8_t protocol, const Bytes& payload,
                std::uint16_t fragment = 0, const Bytes& options = {}) {
  const auto source = address(from);
  Bytes out;
  if (source.is_v4()) {
    const std::size_t header = 20 + options.size();
    out.push_back(static_cast<std::uint8_t>(0x40 + header / 4));
    out.push_back(0);
    put16(out, static_cast<std::uint32_t>(header + payload.size()));
    put16(out, 0x1234);
    put16(out, fragment);
    put(out, std::vector<std::uint8_t>{64, protocol, 0, 0});
  } else {
    put32(out, 0x60000000);
    put16(out, static_cast<std::uint32_t>(payload.size()));
    put(out, std::vector<std::uint8_t>{protocol, 64});
  }
  put(out, source.bytes());
  put(out, address(to).bytes());
  put(out, options);
  put(out, payload);
  return out;
}

struct Segment {
  std::uint16_t from = 40000;
  std::uint16_t to = 443;
  std::uint8_t flags = net::kTcpSyn;
  std::uint32_t sequence = 1000;
  std::uint32_t acknowledgement = 0;
  std::size_t data = 0;
  std::size_t options = 0;  ///< bytes, a multiple of four
};

inline Bytes tcp_payload(const Segment& segment) {
  Bytes out;
  put16(out, segment.from);
  put16(out, segment.to);
  put32(out, segment.sequence);
  put32(out, segment.acknowledgement);
  out.push_back(static_cast<std::uint8_t>((5 + segment.options / 4) << 4));
  out.push_back(segment.flags);
  put32(out, 0xffff0000);
  put16(out, 0);
  out.resize(out.size() + segment.options, 1);
  out.resize(out.size() + segment.data, 'x');
  return out;
}
inline Bytes tcp(const char* from, const char* to, const Segment& segment = {}) {
  return ip(from, to, net::kTcp, tcp_payload(segment));
}

inline Bytes udp_payload(std::uint16_t from, std::uint16_t to, std::size_t data = 4) {
  Bytes out;
  put16(out, from);
  put16(out, to);
  put16(out, static_cast<std::uint32_t>(8 + data));
  put16(out, 0);
  out.resize(out.size() + data, 'u');
  return out;
}
inline Bytes udp(const char* from, const char* to, std::uint16_t from_port = 40000,
                 std::uint16_t to_port = 53) {
  return ip(from, to, net::kUdp, udp_payload(from_port, to_port));
}

/// ICMP of the family of `from`.
inline Bytes icmp(const char* from, const char* to, std::uint8_t type, std::uint8_t code = 0,
                  const Bytes& behind = {1, 2, 3, 4}) {
  Bytes out{type, code, 0, 0, 0, 0, 0, 0};
  put(out, behind);
  return ip(from, to, address(from).is_v4() ? net::kIcmp : net::kIcmpV6, out);
}

/// A place for bytes with nothing readable behind it: reading on is a crash, in every build.
class GuardedPlace {
 public:
  GuardedPlace()
      : map_(static_cast<std::uint8_t*>(
            ::mmap(nullptr, 2 * kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    ::mprotect(map_ + kSize, kSize, PROT_NONE);
  }
  ~GuardedPlace() { ::munmap(map_, 2 * kSize); }
  GuardedPlace(const GuardedPlace&) = delete;
  GuardedPlace& operator=(const GuardedPlace&) = delete;
  /// At most kSize bytes. Holds until the next call.
  std::span<const std::uint8_t> put(std::span<const std::uint8_t> bytes) {
    std::uint8_t* const at = map_ + kSize - bytes.size();
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    return {at, bytes.size()};
  }

 private:
  static constexpr std::size_t kSize = 65536;
  std::uint8_t* map_;
};

}  // namespace claudebox::sample
