// How a map that others fill is kept from growing for ever. Pure.
#pragma once

#include <algorithm>
#include <map>
#include <vector>

namespace claudebox::net {

/// Makes room in a map that is full: the eighth of its entries whose `time_of(value)` is oldest goes. Not only the
/// oldest one: whoever fills the map would make each new entry cost a walk over all.
template <class Key, class Value, class TimeOf>
void forget_oldest(std::map<Key, Value>& map, TimeOf time_of) {
  if (map.empty()) return;
  std::vector<decltype(time_of(map.begin()->second))> times;
  times.reserve(map.size());
  for (const auto& [key, value] : map) times.push_back(time_of(value));
  const std::size_t going = (times.size() + 7) / 8;
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(going - 1);
  std::nth_element(times.begin(), middle, times.end());
  const auto limit = *middle;
  auto ties = going - static_cast<std::size_t>(
                          std::count_if(times.begin(), times.end(), [&](auto time) { return time < limit; }));
  std::erase_if(map, [&](const auto& entry) {
    const auto time = time_of(entry.second);
    return time < limit || (time == limit && ties > 0 && ties-- > 0);
  });
}

}  // namespace claudebox::net
