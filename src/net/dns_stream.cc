#include "net/dns_stream.h"

#include <algorithm>

namespace claudebox::net {

std::vector<std::uint8_t> framed(std::span<const std::uint8_t> message) {
  message = message.first(std::min(message.size(), kMaxDnsMessage));
  std::vector<std::uint8_t> out{static_cast<std::uint8_t>(message.size() >> 8),
                                static_cast<std::uint8_t>(message.size() & 0xff)};
  out.insert(out.end(), message.begin(), message.end());
  return out;
}

void DnsStream::append(std::span<const std::uint8_t> bytes) {
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(taken_));
  taken_ = 0;
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

std::optional<std::vector<std::uint8_t>> DnsStream::next() {
  const auto rest = std::span<const std::uint8_t>(bytes_).subspan(taken_);
  if (rest.size() < 2) return std::nullopt;
  const std::size_t length = static_cast<std::size_t>(rest[0]) << 8 | rest[1];
  if (rest.size() < 2 + length) return std::nullopt;
  const auto message = rest.subspan(2, length);
  taken_ += 2 + length;
  return std::vector<std::uint8_t>(message.begin(), message.end());
}

}  // namespace claudebox::net
