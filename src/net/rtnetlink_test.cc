#include "net/rtnetlink.h"

#include <gmock/gmock.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "sample_packets.h"

namespace claudebox::net {
namespace {

using sample::address;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Kind = HostPrefix::Kind;

HostRoute route(const char* destination, int interface, const char* gateway = nullptr) {
  HostRoute out{.destination = *Prefix::parse(destination), .interface = interface, .gateway = {}};
  if (gateway) out.gateway = address(gateway);
  return out;
}
HostRoute in_table(std::uint32_t table, HostRoute of) {
  of.table = table;
  return of;
}
std::vector<HostPrefix> prefixes_of(std::vector<HostRoute> routes) {
  return host_prefixes({.addresses = {}, .routes = std::move(routes)});
}
HostAddress own(const char* text, const char* on_link, int interface = 2) {
  return {.interface = interface, .own = address(text), .on_link = Prefix::parse(on_link)};
}
HostPrefix denied(const char* prefix, Kind kind) {
  return {*Prefix::parse(prefix), kind};
}

TEST(HostPrefixes, AreAddressesAndTheirNetworks) {
  EXPECT_THAT(host_prefixes({.addresses = {own("192.168.1.5", "192.168.1.0/24"),
                                           own("127.0.0.1", "127.0.0.0/8", 1), own("::1", "::1/128", 1)},
                             .routes = {}}),
              ElementsAre(denied("192.168.1.0/24", Kind::on_link), denied("192.168.1.5", Kind::own_address)));
}

TEST(HostPrefixes, HoldTheOtherEndOfAPointToPointLink) {
  EXPECT_THAT(host_prefixes({.addresses = {own("10.6.0.2", "45.91.7.7/32")}, .routes = {}}),
              ElementsAre(denied("10.6.0.2", Kind::own_address), denied("45.91.7.7", Kind::on_link)));
}

TEST(HostPrefixes, BelieveNoNetworkThatIsHalfTheWorld) {
  EXPECT_THAT(
      host_prefixes({.addresses = {own("1.2.3.4", "0.0.0.0/4"), own("2a00::1", "2000::/12")}, .routes = {}}),
      ElementsAre(denied("1.2.3.4", Kind::own_address), denied("2a00::1", Kind::own_address)));
}

TEST(HostPrefixes, HoldAddressesOnLoopbackThatAreNotItsOwn) {
  EXPECT_THAT(host_prefixes({.addresses = {own("45.91.8.8", "45.91.8.8/32", 1)}, .routes = {}}),
              ElementsAre(denied("45.91.8.8", Kind::own_address), denied("45.91.8.8", Kind::on_link)));
}

TEST(HostPrefixes, HoldTheRoutesOfAVpnInAnyTable) {
  EXPECT_THAT(
      prefixes_of({route("0.0.0.0/0", 2, "192.168.1.1"), in_table(52, route("100.64.0.0/10", 3)),
                   in_table(52, route("45.91.0.0/16", 3)), route("45.92.0.0/16", 3, "10.8.0.1"),
                   route("2a00:91::/32", 3), route("::/0", 2, "fe80::1")}),
      UnorderedElementsAre(denied("100.64.0.0/10", Kind::on_link), denied("45.91.0.0/16", Kind::on_link),
                           denied("45.92.0.0/16", Kind::route), denied("2a00:91::/32", Kind::on_link)));
}

TEST(HostPrefixes, HoldOtherRoutersOfTheLan) {
  EXPECT_THAT(prefixes_of({route("0.0.0.0/0", 2, "192.168.1.1"), route("45.91.0.0/16", 2, "192.168.1.2"),
                           route("45.93.1.1/32", 2, "192.168.1.2")}),
              UnorderedElementsAre(denied("45.91.0.0/16", Kind::route), denied("45.93.1.1/32", Kind::route)));
}

TEST(HostPrefixes, LeaveRoutesThatGoWhereTheDefaultRouteGoes) {
  EXPECT_THAT(prefixes_of({route("0.0.0.0/0", 2, "192.168.1.1"), route("8.8.8.8/32", 2, "192.168.1.1"),
                           in_table(220, route("45.91.0.0/16", 2, "192.168.1.1")),
                           route("::/0", 2, "fe80::1"), route("2a00::/32", 2, "fe80::1")}),
              IsEmpty());
  EXPECT_THAT(prefixes_of({route("0.0.0.0/0", 2, "192.168.1.1"), route("0.0.0.0/0", 3, "10.1.1.1"),
                           route("8.8.4.4/32", 3, "10.1.1.1")}),
              IsEmpty())
      << "two ways out, as with cable and radio";
}

TEST(HostPrefixes, HoldWhatIsOnLinkBesideTheDefaultRoute) {
  EXPECT_THAT(
      prefixes_of({route("0.0.0.0/0", 2, "45.80.10.1"), route("45.80.10.0/24", 2),
                   route("::/0", 2, "fe80::1"), route("2a00:80::/64", 2)}),
      UnorderedElementsAre(denied("45.80.10.0/24", Kind::on_link), denied("2a00:80::/64", Kind::on_link)));
  EXPECT_THAT(prefixes_of({route("0.0.0.0/0", 2), route("45.80.10.0/24", 2)}),
              ElementsAre(denied("45.80.10.0/24", Kind::on_link)))
      << "also where the default route has no gateway";
}

TEST(HostPrefixes, LeaveTheInternetWhereAVpnIsTheDefaultRoute) {
  const HostRoute normal = route("0.0.0.0/0", 2, "192.168.1.1");
  EXPECT_THAT(prefixes_of({normal, in_table(51820, route("0.0.0.0/0", 3))}), IsEmpty()) << "wg-quick";
  EXPECT_THAT(prefixes_of({normal, route("0.0.0.0/1", 3, "10.8.0.1"), route("128.0.0.0/1", 3, "10.8.0.1"),
                           route("45.90.53.77/32", 2, "192.168.1.1")}),
              IsEmpty())
      << "OpenVPN: two halves, and a route to its server";
  EXPECT_THAT(prefixes_of({route("2000::/3", 3), route("::/0", 2, "fe80::1")}), IsEmpty());
}

TEST(HostPrefixes, LeaveTheInternetWhereAVpnIsAllButPrivateAddresses) {
  const auto prefixes = prefixes_of({route("0.0.0.0/0", 2, "192.168.1.1"), route("0.0.0.0/5", 3),
                                     route("8.0.0.0/7", 3), route("11.0.0.0/8", 3), route("172.32.0.0/11", 3),
                                     route("192.169.0.0/16", 3), route("192.192.0.0/10", 3)});
  EXPECT_THAT(prefixes, IsEmpty());
}

TEST(HostPrefixes, HoldNetworksThatAFullVpnNamesBesideTheInternet) {
  EXPECT_THAT(prefixes_of({route("0.0.0.0/0", 2, "192.168.1.1"), in_table(51820, route("0.0.0.0/0", 3)),
                           route("45.91.0.0/16", 3)}),
              ElementsAre(denied("45.91.0.0/16", Kind::on_link)))
      << "AllowedIPs = 0.0.0.0/0, 45.91.0.0/16";
  EXPECT_THAT(prefixes_of({in_table(52, route("0.0.0.0/0", 3)), in_table(52, route("45.91.0.0/16", 3))}),
              ElementsAre(denied("45.91.0.0/16", Kind::on_link)))
      << "an exit node and somebody's network, both by Tailscale";
}

TEST(HostPrefixes, TakeOneFamilysDefaultRouteForItsOwnOnly) {
  EXPECT_THAT(prefixes_of({route("0.0.0.0/1", 3), route("2a00:91::/32", 3)}),
              ElementsAre(denied("2a00:91::/32", Kind::on_link)));
}

TEST(HostPrefixes, TakeNoPrivateOrMulticastRouteForADefaultRoute) {
  EXPECT_THAT(prefixes_of({route("fd00::/8", 3), route("fc00::/7", 3), route("ff00::/8", 3),
                           route("2a00:91::/32", 3)}),
              testing::Contains(denied("2a00:91::/32", Kind::on_link)));
  EXPECT_THAT(prefixes_of({route("224.0.0.0/4", 3), route("45.91.0.0/16", 3)}),
              testing::Contains(denied("45.91.0.0/16", Kind::on_link)));
}

TEST(HostPrefixes, TakeADefaultRouteOfAnotherTableForThatOnly) {
  EXPECT_THAT(
      prefixes_of({route("0.0.0.0/0", 2, "192.168.1.1"), in_table(100, route("0.0.0.0/0", 3, "10.99.0.1")),
                   route("45.91.0.0/16", 3, "10.99.0.1"),
                   in_table(100, route("45.92.0.0/16", 3, "10.99.0.1"))}),
      ElementsAre(denied("45.91.0.0/16", Kind::route)));
}

TEST(HostPrefixes, HoldWhatTheKernelCallsLocal) {
  HostRoute any_ip = in_table(255, route("45.94.0.0/24", 1));
  any_ip.local = true;
  HostRoute everything = in_table(254, route("0.0.0.0/1", 1));
  everything.local = true;
  HostRoute loopback = in_table(255, route("127.0.0.0/8", 1));
  loopback.local = true;
  EXPECT_THAT(prefixes_of({any_ip, everything, loopback, route("45.91.0.0/16", 1)}),
              ElementsAre(denied("45.91.0.0/16", Kind::on_link), denied("45.94.0.0/24", Kind::own_address)))
      << "a transparent proxy's local default route is neither the host nor a way out";
}

using Bytes = std::vector<std::uint8_t>;

template <class T>
void append(Bytes& out, const T& value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof value);
  std::memcpy(out.data() + at, &value, sizeof value);
}
void append_bytes(Bytes& out, std::span<const std::uint8_t> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
  out.resize(NLMSG_ALIGN(out.size()));
}

Bytes message(std::uint16_t type, const Bytes& payload, std::uint16_t flags = 0) {
  Bytes out;
  append(out, nlmsghdr{.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(payload.size())),
                       .nlmsg_type = type,
                       .nlmsg_flags = flags,
                       .nlmsg_seq = 0,
                       .nlmsg_pid = 0});
  append_bytes(out, payload);
  return out;
}

Bytes attribute(std::uint16_t type, std::span<const std::uint8_t> content) {
  Bytes out;
  append(out, rtattr{.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(content.size())), .rta_type = type});
  append_bytes(out, content);
  return out;
}
Bytes attribute(std::uint16_t type, const char* of) {
  return attribute(type, address(of).bytes());
}
Bytes attribute(std::uint16_t type, std::uint32_t number) {
  Bytes content;
  append(content, number);
  return attribute(type, content);
}

Bytes address_message(int family, unsigned length, const std::vector<Bytes>& attributes) {
  ifaddrmsg header{};
  header.ifa_family = static_cast<std::uint8_t>(family);
  header.ifa_prefixlen = static_cast<std::uint8_t>(length);
  header.ifa_index = 7;
  Bytes payload;
  append(payload, header);
  for (const auto& one : attributes) append_bytes(payload, one);
  return message(RTM_NEWADDR, payload);
}

Bytes route_message(rtmsg header, const std::vector<Bytes>& attributes) {
  Bytes payload;
  append(payload, header);
  for (const auto& one : attributes) append_bytes(payload, one);
  return message(RTM_NEWROUTE, payload);
}
rtmsg header_of(int family, unsigned length, unsigned type = RTN_UNICAST, unsigned table = RT_TABLE_MAIN) {
  rtmsg header{};
  header.rtm_family = static_cast<std::uint8_t>(family);
  header.rtm_dst_len = static_cast<std::uint8_t>(length);
  header.rtm_type = static_cast<std::uint8_t>(type);
  header.rtm_table = static_cast<std::uint8_t>(table);
  return header;
}
Bytes via_v6(const char* gateway) {
  Bytes content;
  append(content, std::uint16_t{AF_INET6});
  const auto to = address(gateway);
  content.insert(content.end(), to.bytes().begin(), to.bytes().end());
  return content;
}
Bytes next_hop(int interface, const char* gateway) {
  const auto inner = attribute(RTA_GATEWAY, gateway);
  Bytes out;
  append(out, rtnexthop{.rtnh_len = static_cast<std::uint16_t>(sizeof(rtnexthop) + inner.size()),
                        .rtnh_flags = 0,
                        .rtnh_hops = 0,
                        .rtnh_ifindex = interface});
  append_bytes(out, inner);
  return out;
}

HostFacts facts_of(const Bytes& datagram) {
  HostFacts facts;
  EXPECT_EQ(read_dump(datagram, facts), Dump{});
  return facts;
}

Bytes usual_address() {
  return address_message(AF_INET, 24,
                         {attribute(IFA_ADDRESS, "192.168.1.5"), attribute(IFA_LOCAL, "192.168.1.5")});
}
Bytes usual_route() {
  return route_message(header_of(AF_INET, 16), {attribute(RTA_TABLE, 51820), attribute(RTA_DST, "45.91.0.0"),
                                                attribute(RTA_GATEWAY, "10.8.0.1"), attribute(RTA_OIF, 3)});
}
Bytes route_with_two_ways() {
  Bytes hops = next_hop(2, "192.168.1.1");
  append_bytes(hops, next_hop(3, "10.1.1.1"));
  return route_message(header_of(AF_INET, 0), {attribute(RTA_MULTIPATH, hops)});
}

TEST(ReadDump, ReadsAddresses) {
  EXPECT_THAT(
      facts_of(usual_address()).addresses,
      ElementsAre(HostAddress{
          .interface = 7, .own = address("192.168.1.5"), .on_link = Prefix::parse("192.168.1.0/24")}));
}

TEST(ReadDump, ReadsThePeerOfAPointToPointLink) {
  const auto facts = facts_of(
      address_message(AF_INET, 32, {attribute(IFA_ADDRESS, "45.91.7.7"), attribute(IFA_LOCAL, "10.6.0.2")}));
  EXPECT_THAT(facts.addresses,
              ElementsAre(HostAddress{
                  .interface = 7, .own = address("10.6.0.2"), .on_link = Prefix::parse("45.91.7.7")}));
}

TEST(ReadDump, ReadsAddressesOfIPv6ThatHaveNoPeer) {
  const auto facts = facts_of(address_message(AF_INET6, 64, {attribute(IFA_ADDRESS, "2a00::5")}));
  EXPECT_THAT(facts.addresses,
              ElementsAre(HostAddress{
                  .interface = 7, .own = address("2a00::5"), .on_link = Prefix::parse("2a00::/64")}));
}

TEST(ReadDump, ReadsRoutesOfEveryTable) {
  EXPECT_THAT(facts_of(usual_route()).routes,
              ElementsAre(HostRoute{.destination = *Prefix::parse("45.91.0.0/16"),
                                    .interface = 3,
                                    .gateway = address("10.8.0.1"),
                                    .local = false,
                                    .table = 51820}));
  EXPECT_THAT(
      facts_of(route_message(header_of(AF_INET6, 0, RTN_UNICAST, 52), {attribute(RTA_OIF, 3)})).routes,
      ElementsAre(HostRoute{.destination = *Prefix::parse("::/0"),
                            .interface = 3,
                            .gateway = {},
                            .local = false,
                            .table = 52}));
}

TEST(ReadDump, ReadsEachWayOfARouteWithSeveral) {
  const auto facts = facts_of(route_with_two_ways());
  ASSERT_EQ(facts.routes.size(), 2U);
  EXPECT_EQ(facts.routes[0].interface, 2);
  EXPECT_EQ(facts.routes[0].gateway, address("192.168.1.1"));
  EXPECT_EQ(facts.routes[1].interface, 3);
  EXPECT_EQ(facts.routes[1].gateway, address("10.1.1.1"));
  EXPECT_EQ(facts.routes[1].destination, *Prefix::parse("0.0.0.0/0"));
}

TEST(ReadDump, ReadsAGatewayOfTheOtherFamily) {
  const auto facts = facts_of(
      route_message(header_of(AF_INET, 0), {attribute(RTA_VIA, via_v6("fe80::1")), attribute(RTA_OIF, 2)}));
  ASSERT_EQ(facts.routes.size(), 1U);
  EXPECT_EQ(facts.routes[0].gateway, address("fe80::1"));
}

TEST(ReadDump, TellsLocalRoutesAndLeavesOthersOut) {
  const auto local =
      facts_of(route_message(header_of(AF_INET, 32, RTN_LOCAL), {attribute(RTA_DST, "45.94.1.1")}));
  ASSERT_EQ(local.routes.size(), 1U);
  EXPECT_TRUE(local.routes[0].local);
  for (const unsigned type : {RTN_BROADCAST, RTN_MULTICAST, RTN_UNREACHABLE, RTN_BLACKHOLE, RTN_ANYCAST})
    EXPECT_THAT(
        facts_of(route_message(header_of(AF_INET, 32, type), {attribute(RTA_DST, "45.94.1.1")})).routes,
        IsEmpty());
  rtmsg cloned = header_of(AF_INET, 32);
  cloned.rtm_flags = RTM_F_CLONED;
  EXPECT_THAT(facts_of(route_message(cloned, {attribute(RTA_DST, "45.94.1.1")})).routes, IsEmpty());
  EXPECT_THAT(facts_of(route_message(header_of(AF_MPLS, 20), {})).routes, IsEmpty());
}

TEST(ReadDump, LeavesOutWhatDoesNotFitItsFamily) {
  EXPECT_THAT(facts_of(address_message(AF_INET6, 64, {attribute(IFA_ADDRESS, "1.2.3.4")})).addresses,
              IsEmpty());
  EXPECT_THAT(facts_of(route_message(header_of(AF_INET, 33), {attribute(RTA_DST, "1.2.3.4")})).routes,
              IsEmpty());
  EXPECT_FALSE(
      facts_of(address_message(AF_INET, 33, {attribute(IFA_ADDRESS, "1.2.3.4")})).addresses.at(0).on_link);
}

TEST(ReadDump, ReadsAllMessagesOfADatagram) {
  auto bytes = usual_address();
  append_bytes(bytes, usual_route());
  append_bytes(bytes, message(NLMSG_DONE, Bytes(4)));
  append_bytes(bytes, usual_address());
  HostFacts facts;
  EXPECT_EQ(read_dump(bytes, facts), (Dump{.done = true}));
  EXPECT_EQ(facts.addresses.size(), 1U) << "what comes after the end is not read";
  EXPECT_EQ(facts.routes.size(), 1U);
}

TEST(ReadDump, TellsItsEndAndWhetherItCanBeBelieved) {
  HostFacts facts;
  EXPECT_EQ(read_dump(message(NLMSG_DONE, Bytes(4)), facts), (Dump{.done = true}));
  EXPECT_EQ(read_dump(message(NLMSG_DONE, Bytes(4), NLM_F_DUMP_INTR), facts),
            (Dump{.done = true, .interrupted = true}));
  EXPECT_TRUE(read_dump(message(NLMSG_ERROR, Bytes(20)), facts).failed);
  EXPECT_TRUE(read_dump(message(NLMSG_DONE, Bytes(4, 0xff)), facts).failed) << "it ended with an error";
}

TEST(ReadDump, SurvivesEveryCutAndEveryByte) {
  sample::GuardedPlace place;
  for (const Bytes& whole : {usual_address(), usual_route(), route_with_two_ways()}) {
    for (std::size_t length = 1; length < whole.size(); ++length) {
      HostFacts facts;
      EXPECT_TRUE(read_dump(place.put(std::span(whole).first(length)), facts).failed) << length;
      // The same with a length that fits, or the first check would hide all others.
      if (length < sizeof(nlmsghdr)) continue;
      Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      const auto fitting = static_cast<std::uint32_t>(length);
      std::memcpy(cut.data(), &fitting, sizeof fitting);
      read_dump(place.put(cut), facts);
    }
    for (std::size_t at = 0; at < whole.size(); ++at)
      for (unsigned value = 0; value < 256; ++value) {
        auto bytes = whole;
        bytes[at] = static_cast<std::uint8_t>(value);
        HostFacts facts;
        read_dump(place.put(bytes), facts);
        host_prefixes(facts);
      }
  }
}

}  // namespace
}  // namespace claudebox::net
