// A name server on the host's loopback that leads every name to a private address, as a hostile one would.
#pragma once

#include <cstdint>
#include <string>

#include "sys/child_process.h"
#include "sys/fd.h"

namespace claudebox::selftest {

/// Answers while it lives, in a child. The box's own name server is told to ask it: what is tried must not depend on the
/// name servers that this machine happens to have, and no name of ours shall leave it.
class NameCanary {
 public:
  /// Throws base::Error where loopback has no port to give.
  NameCanary();

  /// A resolv.conf(5) that names it, for as long as this lives, and its port.
  const std::string& resolv_conf() const { return path_; }
  std::uint16_t port() const { return port_; }

 private:
  sys::UniqueFd file_;
  std::string path_;
  std::uint16_t port_ = 0;
  sys::UniqueFd alive_;
  sys::ChildProcess child_;
};

}  // namespace claudebox::selftest
