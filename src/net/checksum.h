// The internet checksum (RFC 1071). Pure.
#pragma once

#include <cstdint>
#include <span>

#include "net/address.h"

namespace claudebox::net {

class Checksum {
 public:
  /// Adds bytes; but for the last ones an even number.
  void add(std::span<const std::uint8_t> bytes) noexcept {
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
      sum_ += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
    if (bytes.size() % 2 != 0) sum_ += static_cast<std::uint32_t>(bytes.back() << 8);
  }
  /// The pseudo header of TCP, UDP and ICMPv6 (RFC 9293 section 3.1, RFC 8200 section 8.1).
  void add_pseudo_header(const Address& source, const Address& destination, std::uint8_t protocol,
                         std::size_t length) noexcept {
    add(source.bytes());
    add(destination.bytes());
    sum_ += static_cast<std::uint32_t>(length) + protocol;
  }
  std::uint16_t value() const noexcept {
    std::uint32_t sum = sum_;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
  }

 private:
  std::uint32_t sum_ = 0;
};

}  // namespace claudebox::net
