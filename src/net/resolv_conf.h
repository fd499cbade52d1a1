// resolv.conf(5) of the host: whom to ask, and what of it a box may know. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/address.h"

namespace claudebox::net {

struct NameServer {
  Address address{};
  std::string scope{};  ///< of a link-local IPv6 one: "eth0"
  bool operator==(const NameServer&) const = default;
};

struct ResolvConf {
  std::vector<NameServer> servers{};  ///< in order, at most three as in glibc
  std::vector<std::string> search{};
  /// Those that only concern the asking program: ndots, timeout, attempts, rotate, single-request and -reopen,
  /// no-tld-query, use-vc; never edns0 or trust-ad.
  std::vector<std::string> options{};
  bool operator==(const ResolvConf&) const = default;
};

/// Never fails: what it does not understand is left out, as glibc does.
ResolvConf parse_resolv_conf(std::string_view text);

/// The file for a box whose only name server is `server`.
std::string box_resolv_conf(const ResolvConf& host, const Address& server);

}  // namespace claudebox::net
