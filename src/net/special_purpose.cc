#include "net/special_purpose.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace claudebox::net {
namespace {

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24U | b << 16U | c << 8U | d;
}

struct V4Range {
  std::uint32_t network;
  unsigned length;
  const char* reason;
};

constexpr V4Range kV4Ranges[] = {
    {v4(0, 0, 0, 0), 8, "no destination"},
    {v4(10, 0, 0, 0), 8, "private"},
    {v4(100, 64, 0, 0), 10, "shared address space (carrier or VPN)"},
    {v4(127, 0, 0, 0), 8, "loopback"},
    {v4(169, 254, 0, 0), 16, "link-local"},
    {v4(172, 16, 0, 0), 12, "private"},
    {v4(192, 0, 0, 0), 24, "reserved"},
    {v4(192, 0, 2, 0), 24, "documentation"},
    {v4(192, 31, 196, 0), 24, "reserved"},  // AS112
    {v4(192, 52, 193, 0), 24, "reserved"},  // AMT
    {v4(192, 88, 99, 0), 24, "6to4 relay"},
    {v4(192, 168, 0, 0), 16, "private"},
    {v4(192, 175, 48, 0), 24, "reserved"},  // AS112
    {v4(198, 18, 0, 0), 15, "benchmarking"},
    {v4(198, 51, 100, 0), 24, "documentation"},
    {v4(203, 0, 113, 0), 24, "documentation"},
    {v4(224, 0, 0, 0), 4, "multicast"},
    {v4(255, 255, 255, 255), 32, "broadcast"},
    {v4(240, 0, 0, 0), 4, "reserved"},
};

/// The first 64 bits and, for prefixes longer than that, the rest.
struct V6Range {
  std::uint64_t high;
  std::uint64_t low;
  unsigned length;
  const char* reason;
};

// The first row that fits gives the reason; what no row names is public only inside 2000::/3.
constexpr V6Range kV6Ranges[] = {
    {0, 0, 128, "unspecified"},
    {0, 1, 128, "loopback"},
    {0, 0, 96, "IPv6 that embeds IPv4"},
    {0, 0x0000'ffff'0000'0000, 96, "IPv6 that embeds IPv4"},  // mapped
    {0x0064'ff9b'0000'0000, 0, 96, "IPv6 that embeds IPv4"},  // NAT64
    {0x0064'ff9b'0001'0000, 0, 48, "IPv6 that embeds IPv4"},  // NAT64 of one site
    {0x0100'0000'0000'0000, 0, 64, "discard-only"},
    {0x2001'0000'0000'0000, 0, 32, "IPv6 that embeds IPv4"},  // Teredo
    {0x2001'0000'0000'0000, 0, 23, "reserved"},
    {0x2001'0db8'0000'0000, 0, 32, "documentation"},
    {0x2002'0000'0000'0000, 0, 16, "IPv6 that embeds IPv4"},  // 6to4
    {0x2620'004f'8000'0000, 0, 48, "reserved"},               // AS112
    {0x3fff'0000'0000'0000, 0, 20, "documentation"},
    {0xfc00'0000'0000'0000, 0, 7, "private"},
    {0xfe80'0000'0000'0000, 0, 10, "link-local"},
    {0xfec0'0000'0000'0000, 0, 10, "private"},  // site-local, deprecated
    {0xff00'0000'0000'0000, 0, 8, "multicast"},
};

// 169.254.169.254 is nearly everyone's. Of others only what differs from it.
constexpr std::uint32_t kV4Metadata[] = {
    v4(169, 254, 169, 254), v4(169, 254, 169, 253),  // AWS: name server
    v4(169, 254, 170, 2),                            // AWS: credentials of a container
    v4(169, 254, 170, 23),                           // AWS: credentials of a pod
    v4(169, 254, 0, 23),                             // Tencent
    v4(169, 254, 42, 42),                            // Scaleway
    v4(168, 63, 129, 16),                            // Azure
    v4(100, 100, 100, 200),                          // Alibaba
    v4(192, 0, 0, 192),                              // Oracle
};

struct V6Host {
  std::uint64_t high;
  std::uint64_t low;
};
constexpr V6Host kV6Metadata[] = {
    {0xfd00'0ec2'0000'0000, 0x254},        // AWS
    {0xfd00'0ec2'0000'0000, 0x23},         // AWS: credentials of a pod
    {0xfd20'00ce'0000'0000, 0x254},        // Google
    {0xfd00'00c1'0000'0000, 0xa9fe'a9fe},  // Oracle
    {0xfd00'0042'0000'0000, 0x42},         // Scaleway
    {0xfe80'0000'0000'0000, 0xa9fe'a9fe},  // OpenStack
};

std::uint64_t big_endian(std::span<const std::uint8_t> bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8U | byte;
  return value;
}

/// Whether the first `bits` (1 to 64) of both are the same.
bool same_start(std::uint64_t a, std::uint64_t b, unsigned bits) {
  return (a ^ b) >> (64 - bits) == 0;
}

bool contains(const V6Range& range, std::uint64_t high, std::uint64_t low) {
  if (range.length <= 64) return same_start(high, range.high, range.length);
  return high == range.high && same_start(low, range.low, range.length - 64);
}

std::uint32_t v4_value(const Address& address) {
  return static_cast<std::uint32_t>(big_endian(address.bytes()));
}

template <std::size_t size>
std::array<std::uint8_t, size> bytes_of(std::uint64_t value) {
  std::array<std::uint8_t, size> bytes{};
  for (std::size_t i = size; i > 0; --i, value >>= 8U) bytes[i - 1] = static_cast<std::uint8_t>(value);
  return bytes;
}
Address v4_address(std::uint32_t value) {
  return Address(bytes_of<4>(value));
}
Address v6_address(const V6Host& host) {
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(bytes_of<8>(host.high), bytes.begin());
  std::ranges::copy(bytes_of<8>(host.low), bytes.begin() + 8);
  return Address(bytes);
}

const char* v4_reason(std::uint32_t value) {
  for (const V4Range& range : kV4Ranges)
    if ((value ^ range.network) >> (32 - range.length) == 0) return range.reason;
  return nullptr;
}

const char* v6_reason(std::uint64_t high, std::uint64_t low) {
  for (const V6Range& range : kV6Ranges)
    if (contains(range, high, low)) return range.reason;
  return high >> 61U == 1 ? nullptr : "not global unicast";
}

bool is_v4_metadata(std::uint32_t value) {
  return std::ranges::find(kV4Metadata, value) != std::end(kV4Metadata);
}

/// The IPv4 address inside a mapped, compatible, NAT64 or 6to4 one.
std::optional<std::uint32_t> embedded_v4(std::uint64_t high, std::uint64_t low) {
  if (high >> 48U == 0x2002) return static_cast<std::uint32_t>(high >> 16U);
  const bool at_the_end =
      (high == 0 && (low >> 32U == 0 || low >> 32U == 0xffff)) || high >> 32U == 0x0064'ff9b;
  if (at_the_end) return static_cast<std::uint32_t>(low);
  return std::nullopt;
}

}  // namespace

const char* special_purpose(const Address& address) noexcept {
  if (is_metadata(address)) return "cloud metadata";  // some of it on public addresses
  const auto bytes = address.bytes();
  if (address.is_v4()) return v4_reason(v4_value(address));
  return v6_reason(big_endian(bytes.first(8)), big_endian(bytes.last(8)));
}

bool is_metadata(const Address& address) noexcept {
  const auto bytes = address.bytes();
  if (address.is_v4()) return is_v4_metadata(v4_value(address));
  const std::uint64_t high = big_endian(bytes.first(8));
  const std::uint64_t low = big_endian(bytes.last(8));
  if (const auto inside = embedded_v4(high, low)) return is_v4_metadata(*inside);
  return std::ranges::any_of(kV6Metadata,
                             [&](const V6Host& host) { return host.high == high && host.low == low; });
}

bool holds_metadata(const Prefix& prefix) {
  return std::ranges::any_of(kV4Metadata,
                             [&](std::uint32_t value) { return prefix.contains(v4_address(value)); }) ||
         std::ranges::any_of(kV6Metadata,
                             [&](const V6Host& host) { return prefix.contains(v6_address(host)); });
}

bool embeds_v4(const Address& address) noexcept {
  if (address.is_v4()) return false;
  const auto bytes = address.bytes();
  const std::uint64_t high = big_endian(bytes.first(8));
  constexpr std::uint64_t kTeredo = 0x2001'0000;
  return high >> 32U == kTeredo || embedded_v4(high, big_endian(bytes.last(8))).has_value();
}

bool is_group(const Address& address) noexcept {
  const std::uint8_t first = address.bytes()[0];
  if (!address.is_v4()) return first == 0xff;
  return first >> 4U == 0xe || v4_value(address) == v4(255, 255, 255, 255);
}

}  // namespace claudebox::net
