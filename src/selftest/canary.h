// Things on the host that only the selftest knows, for the probe to reach for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "sys/fd.h"

namespace claudebox::selftest {

/// Listens on an abstract socket and on the host's loopback while it lives. Nothing is ever sent or answered.
class Canaries {
 public:
  /// Only what `plan` promises to be out of reach. What can't be had (a host without IPv6) is left out.
  explicit Canaries(const plan::Plan& plan);

  /// The probe's arguments about them.
  std::vector<std::string> facts() const;

  /// Those on the host's loopback.
  std::vector<std::uint16_t> ports() const { return ports_; }

  /// The ids of attempts that got through, as seen from the host: an answer that does not rest on the probe's word.
  std::vector<std::string> reached() const;

 private:
  struct Canary {
    std::string claim;  ///< the id of the attempt that it is for
    std::string fact;
    sys::UniqueFd listener;
  };
  void add_port(const char* fact, sys::UniqueFd listener);

  std::vector<Canary> canaries_;
  std::vector<std::uint16_t> ports_;
};

/// A name that nothing else on this machine has.
std::string random_name();

}  // namespace claudebox::selftest
