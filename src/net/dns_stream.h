// DNS messages on a TCP stream: a length of two bytes before each (RFC 1035 section 4.2.2). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace claudebox::net {

/// The longest message, and what it takes on a stream.
inline constexpr std::size_t kMaxDnsMessage = 65535;
inline constexpr std::size_t kMaxFramed = kMaxDnsMessage + 2;

/// A message as it travels. At most kMaxDnsMessage bytes; longer is a mistake of the caller's and is cut.
std::vector<std::uint8_t> framed(std::span<const std::uint8_t> message);

/// What has come of a stream. Once it holds kMaxFramed bytes there is a whole message, so a reader that takes messages
/// out and stops reading there is bounded.
class DnsStream {
 public:
  void append(std::span<const std::uint8_t> bytes);
  /// Takes the next whole message out; empty where there is none yet.
  std::optional<std::vector<std::uint8_t>> next();
  /// Bytes that no message was made of yet.
  std::size_t size() const { return bytes_.size() - taken_; }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t taken_ =
      0;  ///< moved along, not erased for each message: thousands of tiny ones may come at once
};

}  // namespace claudebox::net
