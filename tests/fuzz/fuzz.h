// What the fuzz targets share: the input as text, bytes, and pieces of both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

namespace claudebox::fuzz {

using Bytes = std::span<const std::uint8_t>;

inline std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A property that must hold whatever the input is. Not assert(3): it has to hold in every build.
inline void must(bool holds) {
  if (!holds) std::abort();
}

/// Takes pieces off an input.
class Pieces {
 public:
  explicit Pieces(Bytes bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  /// As many bytes as the next two say, at most what is left.
  Bytes piece() {
    const std::size_t wished = byte() + (std::size_t{byte()} << 8U);
    const std::size_t length = wished < rest_.size() ? wished : rest_.size();
    const Bytes out = rest_.first(length);
    rest_ = rest_.subspan(length);
    return out;
  }
  Bytes rest() {
    const Bytes out = rest_;
    rest_ = {};
    return out;
  }

 private:
  Bytes rest_;
};

/// Of each target, called by its libFuzzer entry point.
void run(Bytes input);

}  // namespace claudebox::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  claudebox::fuzz::run({data, size});
  return 0;
}
