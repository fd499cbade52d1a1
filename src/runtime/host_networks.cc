#include "runtime/host_networks.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace claudebox::runtime {
namespace {

constexpr int kAttempts = 5;
constexpr int kMessagesPerTurn = 1000;
constexpr std::size_t kBuffer =
    std::size_t{32} * 1024;  // the kernel fills a datagram of a dump to at most this

constexpr unsigned group(int number) {
  return 1U << (number - 1);
}
constexpr unsigned kGroups = group(RTNLGRP_IPV4_IFADDR) | group(RTNLGRP_IPV6_IFADDR) |
                             group(RTNLGRP_IPV4_ROUTE) | group(RTNLGRP_IPV6_ROUTE) |
                             group(RTNLGRP_IPV4_RULE) | group(RTNLGRP_IPV6_RULE) |
                             group(RTNLGRP_LINK);  // IPv4 routes go without a word when their link goes down

sys::UniqueFd open_socket(int flags, unsigned groups) {
  sys::UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE));
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  own.nl_groups = groups;
  if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) < 0)
    base::throw_system_error(errno, "can't watch this host's networks");
  return socket;
}

void ask(int socket, std::uint16_t type) {
  struct {
    nlmsghdr header;
    rtgenmsg family;
  } request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof(rtgenmsg));
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.family.rtgen_family = AF_UNSPEC;
  if (::send(socket, &request, request.header.nlmsg_len, 0) < 0)
    base::throw_system_error(errno, "can't ask for this host's networks");
}

/// Whether the dump was whole.
bool dump(int socket, std::uint16_t type, net::HostFacts& facts) {
  ask(socket, type);
  std::array<std::uint8_t, kBuffer> buffer;
  bool whole = true;
  while (true) {
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) base::throw_system_error(errno, "can't read this host's networks");
    const auto part = net::read_dump(std::span(buffer).first(static_cast<std::size_t>(got)), facts);
    if (part.failed) throw base::Error("the kernel does not tell this host's networks");
    whole = whole && !part.interrupted;
    if (part.done) return whole;
  }
}

}  // namespace

HostNetworks::HostNetworks() : monitor_(open_socket(SOCK_NONBLOCK, kGroups)) {}

bool HostNetworks::changed() {
  std::array<std::uint8_t, kBuffer> buffer;
  bool any = false;
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    const ssize_t got = ::recv(monitor_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno != ENOBUFS && errno != EINTR) break;
    any = true;
  }
  return any;
}

std::vector<net::HostPrefix> HostNetworks::read() const {
  std::vector<net::HostPrefix> found;
  bool whole = false;
  for (int attempt = 0; attempt < kAttempts && !whole; ++attempt) {
    const sys::UniqueFd socket = open_socket(0, 0);
    net::HostFacts facts;
    whole = dump(socket.get(), RTM_GETADDR, facts);
    whole = dump(socket.get(), RTM_GETROUTE, facts) && whole;
    // What an earlier attempt found stays: a network too many is forbidden until the change that is under way is told.
    const auto prefixes = net::host_prefixes(facts);
    found.insert(found.end(), prefixes.begin(), prefixes.end());
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace claudebox::runtime
