// Internet addresses and prefixes, as values. Pure.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace claudebox::net {

/// An IPv4 or IPv6 address in network byte order. IPv4-mapped IPv6 stays IPv6: who judges decides what it means.
class Address {
 public:
  Address() = default;  ///< 0.0.0.0
  /// 4 or 16 bytes; anything else is a mistake of the caller's and gives 0.0.0.0.
  explicit Address(std::span<const std::uint8_t> bytes);

  /// The forms that inet_pton(3) takes, and nothing else: no scope, no octal, no short forms.
  static std::optional<Address> parse(std::string_view text);

  bool is_v4() const { return size_ == 4; }
  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }
  /// As inet_ntop(3) writes it.
  std::string to_string() const;

  auto operator<=>(const Address&) const = default;

 private:
  std::uint8_t size_ = 4;
  std::array<std::uint8_t, 16> bytes_{};
};

/// An address and how many of its leading bits count.
struct Prefix {
  Address address{};
  unsigned length = 32;

  /// "ADDRESS" (a whole address) or "ADDRESS/LENGTH". Bits behind the length are cleared.
  static std::optional<Prefix> parse(std::string_view text);
  /// The prefix of `length` bits that holds `address`.
  static Prefix of(const Address& address, unsigned length);
  static Prefix host(const Address& address) { return {address, address.is_v4() ? 32U : 128U}; }

  bool contains(const Address& other) const;
  bool overlaps(const Prefix& other) const;
  std::string to_string() const;

  auto operator<=>(const Prefix&) const = default;
};

}  // namespace claudebox::net
