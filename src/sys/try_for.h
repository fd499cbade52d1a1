// Something that others stand in the way of for moments only.
#pragma once

#include <chrono>
#include <thread>

namespace claudebox::sys {

/// Calls `attempt` until it gives true: at once, and then every `pause` for about as long as `limit`. Gives whether it did.
template <typename Attempt>
bool try_for(std::chrono::milliseconds limit, std::chrono::milliseconds pause, const Attempt& attempt) {
  for (std::chrono::milliseconds waited{0};; waited += pause) {
    if (attempt()) return true;
    if (waited >= limit) return false;
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace claudebox::sys
