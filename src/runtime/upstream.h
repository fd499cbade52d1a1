// The name servers that this host asks.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "net/resolv_conf.h"
#include "sys/fd.h"

namespace claudebox::runtime {

class UpstreamServers {
 public:
  explicit UpstreamServers(std::string resolv_conf = "/etc/resolv.conf", std::uint16_t port = 53)
      : path_(std::move(resolv_conf)), port_(port) {}

  /// A fresh socket to the `attempt`-th server, from 0: connected or, with `tcp`, about to be; close-on-exec,
  /// non-blocking. Empty where there is no such server, or it can't be reached from here. The file is read anew where it
  /// has changed: a laptop moves, a VPN comes up. Without any server in it there is glibc's default, 127.0.0.1.
  sys::UniqueFd open(unsigned attempt, bool tcp);

 private:
  void refresh();

  std::string path_;
  std::uint16_t port_;
  net::ResolvConf conf_;
  bool read_ = false;
  struct stat seen_{};
};

}  // namespace claudebox::runtime
