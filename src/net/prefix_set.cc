#include "net/prefix_set.h"

#include <algorithm>
#include <iterator>

namespace claudebox::net {

PrefixSet::PrefixSet(std::vector<Prefix> prefixes) {
  for (auto& prefix : prefixes) prefix = Prefix::of(prefix.address, prefix.length);
  // What holds others comes right before them: the same address with fewer bits, or a lower address.
  std::sort(prefixes.begin(), prefixes.end());
  for (const auto& prefix : prefixes)
    if (prefixes_.empty() || !prefixes_.back().contains(prefix.address)) prefixes_.push_back(prefix);
}

bool PrefixSet::contains(const Address& address) const {
  const auto after =
      std::upper_bound(prefixes_.begin(), prefixes_.end(), address,
                       [](const Address& wanted, const Prefix& one) { return wanted < one.address; });
  return after != prefixes_.begin() && std::prev(after)->contains(address);
}

}  // namespace claudebox::net
