#include "net/special_purpose.h"

#include <algorithm>
#include <array>

namespace claudebox::net {
namespace {

/// As in net::Prefix, with the bytes written out: the tables are read for every packet.
struct V4 {
  std::array<std::uint8_t, 4> bytes;
  unsigned length;
  const char* reason;
};
struct V6 {
  std::array<std::uint8_t, 16> bytes;
  unsigned length;
  const char* reason;
};

constexpr const char* kMetadata = "cloud metadata";

constexpr auto kV4 = std::to_array<V4>({
    {{0, 0, 0, 0}, 8, "no destination"},
    {{10, 0, 0, 0}, 8, "private"},
    {{100, 64, 0, 0}, 10, "shared address space (carrier or VPN)"},
    {{127, 0, 0, 0}, 8, "loopback"},
    {{169, 254, 0, 0}, 16, "link-local"},
    {{172, 16, 0, 0}, 12, "private"},
    {{192, 0, 0, 0}, 24, "reserved"},
    {{192, 0, 2, 0}, 24, "documentation"},
    {{192, 31, 196, 0}, 24, "reserved"},
    {{192, 52, 193, 0}, 24, "reserved"},
    {{192, 88, 99, 0}, 24, "6to4 relay"},
    {{192, 168, 0, 0}, 16, "private"},
    {{192, 175, 48, 0}, 24, "reserved"},
    {{198, 18, 0, 0}, 15, "benchmarking"},
    {{198, 51, 100, 0}, 24, "documentation"},
    {{203, 0, 113, 0}, 24, "documentation"},
    {{224, 0, 0, 0}, 4, "multicast"},
    {{240, 0, 0, 0}, 4, "reserved"},
});

/// Within 2000::/3; what is outside is not global unicast.
constexpr auto kV6 = std::to_array<V6>({
    {{0x20, 0x01, 0x00}, 23, "reserved, or IPv6 that embeds IPv4"},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation"},
    {{0x20, 0x02}, 16, "IPv6 that embeds IPv4"},
    {{0x3f, 0xff}, 20, "documentation"},
});

/// Outside 2000::/3, for the reason only.
constexpr auto kOtherV6 = std::to_array<V6>({
    {{}, 80, "loopback, or IPv6 that embeds IPv4"},
    {{0x00, 0x64, 0xff, 0x9b}, 32, "IPv6 that embeds IPv4"},
    {{0xfc}, 7, "private"},
    {{0xfe, 0x80}, 10, "link-local"},
    {{0xff}, 8, "multicast"},
});

constexpr auto kMetadataV4 = std::to_array<std::array<std::uint8_t, 4>>({
    {169, 254, 169, 254},  // AWS, Azure, Google, OpenStack and most others
    {169, 254, 170, 2},    // AWS: credentials of a container
    {169, 254, 170, 23},   // AWS: EKS pod identity
    {100, 100, 100, 200},  // Alibaba
    {192, 0, 0, 192},      // Oracle
    {168, 63, 129, 16},    // Azure: the wire server, on a public address
});
constexpr auto kMetadataV6 = std::to_array<std::array<std::uint8_t, 16>>({
    {0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54},  // AWS
    {0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x23},     // AWS: EKS pod identity
    {0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54},  // Google
});

bool within(std::span<const std::uint8_t> address, std::span<const std::uint8_t> prefix,
            unsigned length) noexcept {
  const std::size_t whole = length / 8;
  for (std::size_t i = 0; i < whole; ++i)
    if (address[i] != prefix[i]) return false;
  const unsigned rest = length % 8;
  return rest == 0 || ((address[whole] ^ prefix[whole]) >> (8 - rest)) == 0;
}

template <class Table>
const char* look_up(const Table& table, std::span<const std::uint8_t> address) noexcept {
  for (const auto& [bytes, length, reason] : table)
    if (within(address, bytes, length)) return reason;
  return nullptr;
}

/// ::ffff:a.b.c.d
bool is_mapped(std::span<const std::uint8_t> v6) noexcept {
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return within(v6, kMapped, 96);
}

template <class Table>
bool contains(const Table& table, std::span<const std::uint8_t> address) noexcept {
  return std::any_of(table.begin(), table.end(),
                     [&](const auto& one) { return std::equal(one.begin(), one.end(), address.begin()); });
}

}  // namespace

const char* special_purpose(const Address& address) noexcept {
  if (is_metadata(address)) return kMetadata;
  const auto bytes = address.bytes();
  if (address.is_v4()) return look_up(kV4, bytes);
  if ((bytes[0] & 0xe0) == 0x20) return look_up(kV6, bytes);
  const char* reason = look_up(kOtherV6, bytes);
  return reason ? reason : "not global unicast";
}

bool is_metadata(const Address& address) noexcept {
  const auto bytes = address.bytes();
  if (address.is_v4()) return contains(kMetadataV4, bytes);
  return contains(kMetadataV6, bytes) || (is_mapped(bytes) && contains(kMetadataV4, bytes.subspan(12)));
}

bool holds_metadata(const Prefix& prefix) {
  const auto inside = [&](const auto& bytes) { return prefix.contains(Address(bytes)); };
  return std::any_of(kMetadataV4.begin(), kMetadataV4.end(), inside) ||
         std::any_of(kMetadataV6.begin(), kMetadataV6.end(), inside);
}

bool is_group(const Address& address) noexcept {
  const auto bytes = address.bytes();
  if (!address.is_v4()) return bytes[0] == 0xff;
  constexpr std::array<std::uint8_t, 4> kBroadcast{255, 255, 255, 255};
  return (bytes[0] & 0xf0) == 0xe0 || std::equal(bytes.begin(), bytes.end(), kBroadcast.begin());
}

}  // namespace claudebox::net
