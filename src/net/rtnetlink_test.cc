#include "net/rtnetlink.h"

#include <gmock/gmock.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace claudebox::net {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = HostPrefix::Kind;

Address address(const char* text) {
  return *Address::parse(text);
}
HostRoute route(const char* destination, int interface, const char* gateway = nullptr) {
  HostRoute out{
      .destination = *Prefix::parse(destination), .interface = interface, .gateway = {}, .local = false};
  if (gateway) out.gateway = address(gateway);
  return out;
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
  EXPECT_THAT(host_prefixes({.addresses = {},
                             .routes = {route("0.0.0.0/0", 2, "192.168.1.1"), route("100.64.0.0/10", 3),
                                        route("45.91.0.0/16", 3, "10.8.0.1")}}),
              ElementsAre(denied("45.91.0.0/16", Kind::route), denied("100.64.0.0/10", Kind::on_link)));
}

TEST(HostPrefixes, LeaveTheInternetWhereAVpnIsTheDefaultRoute) {
  // wg-quick: a second default in a table of its own. OpenVPN: two halves, and a route to its server.
  EXPECT_THAT(host_prefixes(
                  {.addresses = {}, .routes = {route("0.0.0.0/0", 2, "192.168.1.1"), route("0.0.0.0/0", 3)}}),
              IsEmpty());
  EXPECT_THAT(host_prefixes({.addresses = {},
                             .routes = {route("0.0.0.0/0", 2, "192.168.1.1"), route("0.0.0.0/1", 3),
                                        route("128.0.0.0/1", 3), route("45.90.53.77/32", 2, "192.168.1.1")}}),
              IsEmpty());
  EXPECT_THAT(host_prefixes({.addresses = {}, .routes = {route("2000::/3", 3), route("::/0", 2, "fe80::1")}}),
              IsEmpty());
}

std::vector<std::uint8_t> message(std::uint16_t type, const std::vector<std::uint8_t>& payload,
                                  std::uint16_t flags = 0) {
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(payload.size()));
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  std::vector<std::uint8_t> out(NLMSG_SPACE(payload.size()));
  std::memcpy(out.data(), &header, sizeof header);
  std::copy(payload.begin(), payload.end(), out.begin() + NLMSG_HDRLEN);
  return out;
}

void add_attribute(std::vector<std::uint8_t>& out, std::uint16_t type, const Address& value) {
  rtattr header{};
  header.rta_type = type;
  header.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(value.bytes().size()));
  const std::size_t at = out.size();
  out.resize(at + header.rta_len);
  std::memcpy(out.data() + at, &header, sizeof header);
  std::copy(value.bytes().begin(), value.bytes().end(),
            out.begin() + static_cast<std::ptrdiff_t>(at + RTA_LENGTH(0)));
}

std::vector<std::uint8_t> address_message() {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = 24;
  header.ifa_index = 7;
  std::vector<std::uint8_t> payload(sizeof header);
  std::memcpy(payload.data(), &header, sizeof header);
  add_attribute(payload, IFA_ADDRESS, address("192.168.1.5"));
  add_attribute(payload, IFA_LOCAL, address("192.168.1.5"));
  return message(RTM_NEWADDR, payload);
}

TEST(ReadDump, ReadsAddresses) {
  HostFacts facts;
  EXPECT_EQ(read_dump(address_message(), facts), Dump{});
  EXPECT_THAT(facts.addresses, ElementsAre(HostAddress{.interface = 7,
                                                       .own = address("192.168.1.5"),
                                                       .on_link = Prefix::parse("192.168.1.0/24")}));
}

TEST(ReadDump, TellsItsEndAndWhetherItCanBeBelieved) {
  HostFacts facts;
  EXPECT_TRUE(read_dump(message(NLMSG_DONE, std::vector<std::uint8_t>(4)), facts).done);
  EXPECT_TRUE(
      read_dump(message(NLMSG_DONE, std::vector<std::uint8_t>(4), NLM_F_DUMP_INTR), facts).interrupted);
  EXPECT_TRUE(read_dump(message(NLMSG_ERROR, std::vector<std::uint8_t>(20)), facts).failed);
}

TEST(ReadDump, SurvivesEveryCut) {
  const auto whole = address_message();
  for (std::size_t length = 1; length < whole.size(); ++length) {
    HostFacts facts;
    EXPECT_TRUE(read_dump(std::span(whole).first(length), facts).failed) << length;
  }
  // Lengths that lie, everywhere.
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const std::uint8_t value : std::to_array<std::uint8_t>({0, 1, 3, 255})) {
      auto bytes = whole;
      bytes[at] = value;
      HostFacts facts;
      read_dump(bytes, facts);
    }
}

}  // namespace
}  // namespace claudebox::net
