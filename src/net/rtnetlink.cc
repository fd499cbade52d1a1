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

/// RTA_GATEWAY, RTA_VIA and RTA_OIF: of a route and of each of its next hops.
void read_way(unsigned type, Bytes content, HostRoute& route) {
  if (type == RTA_GATEWAY && content.size() == route.destination.address.bytes().size())
    route.gateway = Address(content);
  if (type == RTA_VIA && content.size() >= sizeof(std::uint16_t)) {
    const auto family = read_struct<std::uint16_t>(content);
    const Bytes via = content.subspan(sizeof(std::uint16_t));
    if (via.size() == address_size(*family)) route.gateway = Address(via);
  }
  if (type == RTA_OIF)
    if (const auto interface = read_struct<int>(content)) route.interface = *interface;
}

void read_next_hops(Bytes hops, const HostRoute& route, HostFacts& facts) {
  while (const auto hop = read_struct<rtnexthop>(hops)) {
    if (hop->rtnh_len < sizeof(rtnexthop) || hop->rtnh_len > hops.size()) return;
    HostRoute one = route;
    one.interface = hop->rtnh_ifindex;
    for_attributes(hops.subspan(sizeof(rtnexthop), hop->rtnh_len - sizeof(rtnexthop)),
                   [&](unsigned type, Bytes content) { read_way(type, content, one); });
    facts.routes.push_back(one);
    hops = hops.subspan(std::min<std::size_t>(RTNH_ALIGN(hop->rtnh_len), hops.size()));
  }
}

/// 0.0.0.0/0 or ::/0, which a message does not name.
Prefix default_of(std::size_t size) {
  const std::array<std::uint8_t, 16> zero{};
  return {Address(Bytes(zero).first(size)), 0};
}

void read_route(Bytes payload, HostFacts& facts) {
  const auto header = read_struct<rtmsg>(payload);
  const std::size_t size = header ? address_size(header->rtm_family) : 0;
  if (size == 0 || (header->rtm_type != RTN_UNICAST && header->rtm_type != RTN_LOCAL)) return;
  if ((header->rtm_flags & RTM_F_CLONED) != 0 || header->rtm_dst_len > size * 8) return;
  HostRoute route;
  route.destination = default_of(size);
  route.local = header->rtm_type == RTN_LOCAL;
  route.table = header->rtm_table;
  Bytes hops;
  for_attributes(after_header(payload, sizeof(rtmsg)), [&](unsigned type, Bytes content) {
    read_way(type, content, route);
    if (type == RTA_DST && content.size() == size)
      route.destination = Prefix::of(Address(content), header->rtm_dst_len);
    if (type == RTA_TABLE) route.table = read_struct<std::uint32_t>(content).value_or(route.table);
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

/// Whether it holds a great part of the internet. fd00::/8 and 224.0.0.0/4 do not: they are routes as others are.
bool is_default(const Prefix& prefix) {
  const unsigned first = prefix.address.bytes()[0];
  if (prefix.address.is_v4()) return prefix.length < 8 && first < 224;
  const bool overlaps_2000_3 = ((first ^ 0x20U) >> (8 - std::min(3U, prefix.length))) == 0;
  return prefix.length < 16 && overlaps_2000_3;
}

bool same_way(const HostRoute& a, const HostRoute& b) {
  return a.destination.address.is_v4() == b.destination.address.is_v4() && a.interface == b.interface &&
         a.gateway == b.gateway;
}

/// Whether `route` goes where the internet is, going by one of the default routes.
bool leads_out(const HostRoute& route, const std::vector<HostRoute>& defaults) {
  return std::any_of(defaults.begin(), defaults.end(), [&](const HostRoute& way) {
    const bool asked_too =
        way.table == RT_TABLE_MAIN || way.table == RT_TABLE_DEFAULT || way.table == route.table;
    const bool on_link = !way.gateway && way.destination.length == 0;
    return asked_too && !on_link && same_way(route, way);
  });
}

void add_addresses(const std::vector<HostAddress>& addresses, std::vector<HostPrefix>& out) {
  for (const auto& address : addresses) {
    if (is_own_loopback(address.own)) continue;
    out.push_back({Prefix::host(address.own), HostPrefix::Kind::own_address});
    if (address.on_link && !is_default(*address.on_link) && !is_own_loopback(address.on_link->address))
      out.push_back({*address.on_link, HostPrefix::Kind::on_link});
  }
}

void add_routes(const std::vector<HostRoute>& routes, std::vector<HostPrefix>& out) {
  std::vector<HostRoute> defaults;
  for (const auto& route : routes)
    if (!route.local && route.interface != 0 && is_default(route.destination)) defaults.push_back(route);
  for (const auto& route : routes) {
    if (is_default(route.destination) || is_own_loopback(route.destination.address)) continue;
    if (route.local) {
      out.push_back({route.destination, HostPrefix::Kind::own_address});
    } else if (!leads_out(route, defaults)) {
      out.push_back({route.destination, route.gateway ? HostPrefix::Kind::route : HostPrefix::Kind::on_link});
    }
  }
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
    dump.failed = header->nlmsg_type == NLMSG_ERROR ||
                  (dump.done && read_struct<std::int32_t>(payload).value_or(0) < 0);
    if (header->nlmsg_type == RTM_NEWADDR) read_address(payload, facts);
    if (header->nlmsg_type == RTM_NEWROUTE) read_route(payload, facts);
    datagram = datagram.subspan(std::min<std::size_t>(NLMSG_ALIGN(header->nlmsg_len), datagram.size()));
  }
  return dump;
}

std::vector<HostPrefix> host_prefixes(const HostFacts& facts) {
  std::vector<HostPrefix> out;
  add_addresses(facts.addresses, out);
  add_routes(facts.routes, out);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace claudebox::net
