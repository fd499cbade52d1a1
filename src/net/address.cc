#include "net/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace claudebox::net {
namespace {

/// Whether the first `bits` of both are the same.
bool same_bits(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

}  // namespace

Address::Address(std::span<const std::uint8_t> bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return;
  size_ = static_cast<std::uint8_t>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), bytes_.begin());
}

std::optional<Address> Address::parse(std::string_view text) {
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) return Address(std::span(bytes).first(4));
  if (::inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return Address(bytes);
  return std::nullopt;
}

std::string Address::to_string() const {
  char text[INET6_ADDRSTRLEN];
  ::inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
  return text;
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return host(*address);
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc{} || end != digits.data() + digits.size() ||
      length > (address->is_v4() ? 32U : 128U))
    return std::nullopt;
  return of(*address, length);
}

Prefix Prefix::of(const Address& address, unsigned length) {
  std::array<std::uint8_t, 16> bytes{};
  const auto from = address.bytes();
  for (std::size_t i = 0; i < from.size(); ++i) {
    const unsigned kept = length > i * 8 ? std::min(8U, length - static_cast<unsigned>(i * 8)) : 0;
    bytes[i] = static_cast<std::uint8_t>(from[i] & (0xff00U >> kept));
  }
  return {Address(std::span(bytes).first(from.size())), length};
}

bool Prefix::contains(const Address& other) const {
  return address.is_v4() == other.is_v4() && same_bits(address.bytes(), other.bytes(), length);
}

bool Prefix::overlaps(const Prefix& other) const {
  return address.is_v4() == other.address.is_v4() &&
         same_bits(address.bytes(), other.address.bytes(), std::min(length, other.length));
}

std::string Prefix::to_string() const {
  return address.to_string() + "/" + std::to_string(length);
}

}  // namespace claudebox::net
