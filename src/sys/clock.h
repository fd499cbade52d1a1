// The wall clock, as numbers.
#pragma once

#include <chrono>
#include <cstdint>

namespace claudebox::sys {

/// Milliseconds since 1970.
inline std::int64_t wall_clock() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

}  // namespace claudebox::sys
