// The host's addresses and routes, as they are and as they change.
#pragma once

#include <vector>

#include "net/policy.h"
#include "net/rtnetlink.h"
#include "sys/fd.h"

namespace claudebox::runtime {

class HostNetworks {
 public:
  /// Opens the monitor, rtnetlink(7): from here on no change is missed. Throws.
  HostNetworks();

  /// Readable when something may have changed.
  int descriptor() const { return monitor_.get(); }
  /// Takes what the monitor has. True where it had anything, lost messages included.
  bool changed();

  /// What no box may reach now. Asks the kernel: a tenth of a millisecond, more with thousands of routes. Where they
  /// change all the time, all that it got; the monitor then says that it is out of date. Throws.
  std::vector<net::HostPrefix> read() const;

 private:
  sys::UniqueFd monitor_;
};

}  // namespace claudebox::runtime
