// Prefixes, to look addresses up in: for every packet, so it has to be fast. Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "net/address.h"

namespace claudebox::net {

class PrefixSet {
 public:
  PrefixSet() = default;
  explicit PrefixSet(std::vector<Prefix> prefixes);

  /// By a binary search: prefixes nest or are apart, and those inside another are left out.
  bool contains(const Address& address) const;
  /// How many are kept.
  std::size_t size() const { return prefixes_.size(); }

 private:
  std::vector<Prefix> prefixes_;  ///< ascending, apart from each other
};

}  // namespace claudebox::net
