#include "net/rtnetlink.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace claudebox::net {
namespace {

using Bytes = std::span<const std::uint8_t>;

template <class T>
std::optional<T> read_struct(Bytes bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::size_t address_size(int family) {
  return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

/// Calls `each` with type and content of every attribute; a broken one ends the list.
template <class Each>
void for_attributes(Bytes bytes, Each each) {
  while (const auto header = read_struct<rtattr>(bytes)) {
    if (header->rta_len < sizeof(rtattr) || header->rta_len > bytes.size()) return;
    each(header->rta_type, bytes.subspan(sizeof(rtattr), header->rta_len - sizeof(rtattr)));
    bytes = bytes.subspan(std::min<std::size_t>(RTA_ALIGN(header->rta_len), bytes.size()));
  }
}

Bytes after_header(Bytes payload, std::size_t header) {
  return payload.subspan(std::min<std::size_t>(NLMSG_ALIGN(header), payload.size()));
}

void read_address(Bytes payload, HostFacts& facts) {
  const auto header = read_struct<ifaddrmsg>(payload);
  const std::size_t size = header ? address_size(header->ifa_family) : 0;
  if (size == 0) return;
  std::optional<Address> local;
  std::optional<Address> address;
  for_attributes(after_header(payload, sizeof(ifaddrmsg)), [&](unsigned type, Bytes content) {
    if (content.size() != size) return;
    if (type == IFA_LOCAL) local = Address(content);
    if (type == IFA_ADDRESS) address = Address(content);
  });
  // IPv6 without a peer has IFA_ADDRESS alone; with one IFA_ADDRESS is the peer.
  const auto& own = local ? local : address;
  if (!own) return;
  HostAddress out{.interface = static_cast<int>(header->ifa_index), .own = *own, .on_link = {}};
  if (address && header->ifa_prefixlen <= size * 8) out.on_link = Prefix::of(*address, header->ifa_prefixlen);
  facts.addresses.push_back(out);
}

void read_next_hops(Bytes hops, const HostRoute& route, HostFacts& facts) {
  while (const auto hop = read_struct<rtnexthop>(hops)) {
    if (hop->rtnh_len < sizeof(rtnexthop) || hop->rtnh_len > hops.size()) return;
    HostRoute one = route;
    one.interface = hop->rtnh_ifindex;
    const std::size_t size = route.destination.address.bytes().size();
    for_attributes(hops.subspan(sizeof(rtnexthop), hop->rtnh_len - sizeof(rtnexthop)),
                   [&](unsigned type, Bytes content) {
                     if (type == RTA_GATEWAY && content.size() == size) one.gateway = Address(content);
                   });
    facts.routes.push_back(one);
    hops = hops.subspan(std::min<std::size_t>(RTNH_ALIGN(hop->rtnh_len), hops.size()));
  }
}

void read_route(Bytes payload, HostFacts& facts) {
  const auto header = read_struct<rtmsg>(payload);
  const std::size_t size = header ? address_size(header->rtm_family) : 0;
  if (size == 0 || (header->rtm_type != RTN_UNICAST && header->rtm_type != RTN_LOCAL)) return;
  if ((header->rtm_flags & RTM_F_CLONED) != 0 || header->rtm_dst_len > size * 8) return;
  const std::array<std::uint8_t, 16> zero{};
  HostRoute route;
  route.destination = Prefix::of(Address(Bytes(zero).first(size)), 0);
  route.local = header->rtm_type == RTN_LOCAL;
  Bytes hops;
  for_attributes(after_header(payload, sizeof(rtmsg)), [&](unsigned type, Bytes content) {
    if (type == RTA_DST && content.size() == size)
      route.destination = Prefix::of(Address(content), header->rtm_dst_len);
    if (type == RTA_GATEWAY && content.size() == size) route.gateway = Address(content);
    if (type == RTA_OIF && content.size() == sizeof(int))
      std::memcpy(&route.interface, content.data(), sizeof(int));
    if (type == RTA_MULTIPATH) hops = content;
  });
  if (hops.empty()) {
    facts.routes.push_back(route);
  } else {
    read_next_hops(hops, route, facts);
  }
}

bool is_own_loopback(const Address& address) {
  if (address.is_v4()) return address.bytes()[0] == 127;
  static const Address kLoopback = *Address::parse("::1");
  return address == kLoopback;
}

bool is_default(const Prefix& prefix) {
  return prefix.length < (prefix.address.is_v4() ? 8U : 16U);
}

/// Where the default routes of a family lead.
struct WayOut {
  int interface = 0;
  std::optional<Address> gateway{};
};

bool leads_out(const HostRoute& route, const std::vector<WayOut>& ways) {
  return std::any_of(ways.begin(), ways.end(), [&](const WayOut& way) {
    return way.interface == route.interface && way.gateway == route.gateway;
  });
}

}  // namespace

Dump read_dump(Bytes datagram, HostFacts& facts) {
  Dump dump;
  while (!datagram.empty() && !dump.done && !dump.failed) {
    const auto header = read_struct<nlmsghdr>(datagram);
    if (!header || header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > datagram.size()) {
      dump.failed = true;
      break;
    }
    const Bytes payload = datagram.subspan(NLMSG_HDRLEN, header->nlmsg_len - NLMSG_HDRLEN);
    dump.interrupted = dump.interrupted || (header->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    dump.done = header->nlmsg_type == NLMSG_DONE;
    dump.failed = header->nlmsg_type == NLMSG_ERROR;
    if (header->nlmsg_type == RTM_NEWADDR) read_address(payload, facts);
    if (header->nlmsg_type == RTM_NEWROUTE) read_route(payload, facts);
    datagram = datagram.subspan(std::min<std::size_t>(NLMSG_ALIGN(header->nlmsg_len), datagram.size()));
  }
  return dump;
}

std::vector<HostPrefix> host_prefixes(const HostFacts& facts) {
  using Kind = HostPrefix::Kind;
  std::vector<HostPrefix> out;
  for (const auto& address : facts.addresses) {
    if (is_own_loopback(address.own)) continue;
    out.push_back({Prefix::host(address.own), Kind::own_address});
    if (address.on_link && !is_default(*address.on_link) && !is_own_loopback(address.on_link->address))
      out.push_back({*address.on_link, Kind::on_link});
  }
  std::vector<WayOut> ways;
  for (const auto& route : facts.routes)
    if (!route.local && is_default(route.destination)) ways.push_back({route.interface, route.gateway});
  for (const auto& route : facts.routes) {
    if (is_default(route.destination) || is_own_loopback(route.destination.address)) continue;
    if (route.local) {
      out.push_back({route.destination, Kind::own_address});
    } else if (!leads_out(route, ways)) {
      const bool host_route_to_vpn =
          route.gateway && route.destination == Prefix::host(route.destination.address);
      if (!host_route_to_vpn) out.push_back({route.destination, route.gateway ? Kind::route : Kind::on_link});
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace claudebox::net
