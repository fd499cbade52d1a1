#include "net/policy.h"

#include <gmock/gmock.h>

#include <array>

#include "net/made_packets.h"

namespace claudebox::net {
namespace {

using namespace std::chrono_literals;
using testing::icmp;
using testing::ip;
using testing::tcp;
using testing::udp;

constexpr const char* kBox = "198.51.100.100";
constexpr const char* kBox6 = "fd00::100";
constexpr const char* kPublic = "45.90.80.80";
constexpr const char* kPublic6 = "2a0e:1111::80";
const Time kStart = Time(1000h);

PolicyRules rules(bool allowlist = false) {
  return {
      .allowlist = allowlist, .box_v4 = *Address::parse(kBox), .box_v6 = *Address::parse(kBox6), .lan = {}};
}
Address address(const char* text) {
  return *Address::parse(text);
}
HostPrefix host(const char* prefix, HostPrefix::Kind kind) {
  return {*Prefix::parse(prefix), kind};
}

Verdict out(Policy& policy, const std::vector<std::uint8_t>& bytes, Time now = kStart) {
  return policy.outgoing(*parse_packet(bytes), now).verdict;
}
Verdict in(Policy& policy, const std::vector<std::uint8_t>& bytes, Time now = kStart) {
  return policy.incoming(*parse_packet(bytes), now).verdict;
}

TEST(Policy, PassesWhatIsPublic) {
  Policy policy(rules());
  EXPECT_EQ(out(policy, tcp(kBox, kPublic)), Verdict::pass);
  EXPECT_EQ(out(policy, tcp(kBox6, kPublic6)), Verdict::pass);
  EXPECT_EQ(out(policy, udp(kBox, kPublic)), Verdict::pass);
  EXPECT_EQ(out(policy, icmp(kBox, kPublic, 8)), Verdict::pass);
}

TEST(Policy, RefusesWhatIsNot) {
  Policy policy(rules());
  for (const char* to : {"10.0.0.1", "127.0.0.1", "169.254.169.254", "224.0.0.1", "198.51.100.2"})
    EXPECT_EQ(out(policy, tcp(kBox, to)), Verdict::refuse) << to;
  for (const char* to : {"fd00::2", "fe80::1", "2002::1", "::1"})
    EXPECT_EQ(out(policy, tcp(kBox6, to)), Verdict::refuse) << to;
}

TEST(Policy, RefusesWhatCanNotBeCarried) {
  Policy policy(rules());
  EXPECT_EQ(out(policy, icmp(kBox, kPublic, 13)), Verdict::refuse) << "a timestamp request";
  EXPECT_EQ(out(policy, icmp(kBox6, kPublic6, 128)), Verdict::refuse) << "libslirp answers no ICMPv6 echo";
  EXPECT_EQ(out(policy, ip(kBox, kPublic, 136, std::vector<std::uint8_t>(8))), Verdict::refuse);
  EXPECT_EQ(out(policy, ip(kBox6, kPublic6, 43, std::vector<std::uint8_t>(24))), Verdict::refuse)
      << "a routing header";
  EXPECT_EQ(out(policy, ip(kBox, kPublic, kTcp, std::vector<std::uint8_t>(10))), Verdict::refuse);
  auto options = udp(kBox, kPublic);
  options.insert(options.begin() + 20, {131, 3, 4, 0});
  options[0] = 0x46;
  options[3] = static_cast<std::uint8_t>(options.size());
  EXPECT_EQ(out(policy, options), Verdict::refuse);
}

TEST(Policy, DropsForeignSourcesAndTheKernelsOwnNoise) {
  Policy policy(rules());
  EXPECT_EQ(out(policy, tcp("45.1.1.1", kPublic)), Verdict::drop);
  EXPECT_EQ(out(policy, tcp("fe80::1", kPublic6)), Verdict::drop);
  EXPECT_EQ(out(policy, icmp(kBox6, "ff02::2", 133)), Verdict::drop);
  EXPECT_EQ(out(policy, icmp(kBox6, "ff02::1:2", 100)), Verdict::refuse);
}

TEST(Policy, RefusesTheHostsOwn) {
  Policy policy(rules());
  policy.set_host_prefixes({host("45.90.0.0/16", HostPrefix::Kind::on_link),
                            host("45.91.1.1/32", HostPrefix::Kind::own_address),
                            host("46.0.0.0/8", HostPrefix::Kind::route)});
  for (const char* to : {kPublic, "45.91.1.1", "46.1.1.1"})
    EXPECT_EQ(out(policy, tcp(kBox, to)), Verdict::refuse) << to;
  EXPECT_EQ(out(policy, tcp(kBox, "45.91.1.2")), Verdict::pass);
  policy.set_host_prefixes({});
  EXPECT_EQ(out(policy, tcp(kBox, kPublic)), Verdict::pass);
}

TEST(Policy, RefusesEverythingWhereTheHostHasTooManyNetworks) {
  Policy policy(rules());
  policy.set_host_prefixes(std::vector<HostPrefix>(Policy::kMaxHostPrefixes + 1));
  EXPECT_EQ(out(policy, tcp(kBox, kPublic)), Verdict::refuse);
}

TEST(Policy, OpensAPrivateDestinationByItsPort) {
  auto with_lan = rules();
  with_lan.lan = {{.prefix = *Prefix::parse("10.1.0.0/16"), .port = 3128},
                  {.prefix = *Prefix::parse("10.2.0.1/32")},
                  {.prefix = *Prefix::parse("169.254.0.0/16")}};
  Policy policy(with_lan);
  policy.set_host_prefixes(
      {host("10.1.0.0/16", HostPrefix::Kind::on_link), host("10.1.0.7/32", HostPrefix::Kind::own_address)});
  EXPECT_EQ(out(policy, tcp(kBox, "10.1.2.3", {.to = 3128})), Verdict::pass);
  EXPECT_EQ(out(policy, tcp(kBox, "10.1.2.3", {.to = 80})), Verdict::refuse);
  EXPECT_EQ(out(policy, icmp(kBox, "10.1.2.3", 8)), Verdict::refuse);
  EXPECT_EQ(out(policy, tcp(kBox, "10.1.0.7", {.to = 3128})), Verdict::refuse) << "the host itself";
  EXPECT_EQ(out(policy, icmp(kBox, "10.2.0.1", 8)), Verdict::pass);
  EXPECT_EQ(out(policy, tcp(kBox, "169.254.169.254")), Verdict::refuse) << "metadata, whatever the rule";
  EXPECT_EQ(in(policy, tcp("10.1.2.3", kBox, {.from = 3128, .to = 4000, .flags = kTcpAck})), Verdict::pass);
  EXPECT_EQ(in(policy, tcp("10.1.2.3", kBox, {.from = 80, .to = 4000, .flags = kTcpAck})), Verdict::refuse);
}

TEST(Policy, LetsOnlyGrantedAddressesThroughAnAllowlist) {
  Policy policy(rules(true));
  EXPECT_EQ(out(policy, tcp(kBox, kPublic)), Verdict::refuse);
  policy.grant({.address = address(kPublic)}, 60s, kStart);
  EXPECT_EQ(out(policy, tcp(kBox, kPublic)), Verdict::pass);
  policy.grant({.address = address("10.0.0.1")}, 60s, kStart);
  EXPECT_EQ(out(policy, tcp(kBox, "10.0.0.1")), Verdict::refuse)
      << "a grant of a name is none of the local network";
  policy.set_host_prefixes({host("45.90.0.0/16", HostPrefix::Kind::route)});
  EXPECT_EQ(out(policy, tcp(kBox, kPublic)), Verdict::refuse) << "what the host gains wins";
}

TEST(Policy, KeepsAGrantWhileItIsUsed) {
  Policy policy(rules(true));
  policy.grant({.address = address(kPublic)}, 1s, kStart);
  Time now = kStart;
  for (int i = 0; i < 5; ++i) {
    now += Policy::kGrantIdle - 1s;
    EXPECT_EQ(out(policy, tcp(kBox, kPublic), now), Verdict::pass);
  }
  EXPECT_EQ(out(policy, tcp(kBox, kPublic), now + Policy::kGrantIdle + 2s), Verdict::refuse);
  policy.grant({.address = address(kPublic)}, std::chrono::hours(1000000), kStart);
  EXPECT_EQ(policy.forbidden(address(kPublic), 80, kStart + 23h), nullptr);
  EXPECT_NE(policy.forbidden(address(kPublic), 80, kStart + 25h), nullptr)
      << "no name server decides for ever";
}

TEST(Policy, KeepsABoundedNumberOfGrants) {
  Policy policy(rules(true));
  policy.grant({.address = address(kPublic)}, 60s, kStart);
  for (std::uint32_t i = 0; i < Policy::kMaxGrants + 10; ++i) {
    const std::array<std::uint8_t, 4> bytes{46, 0, static_cast<std::uint8_t>(i >> 8),
                                            static_cast<std::uint8_t>(i)};
    policy.grant({.address = Address(bytes)}, 60s, kStart + 1s);
  }
  EXPECT_EQ(policy.grants(kStart).size(), Policy::kMaxGrants);
  EXPECT_NE(policy.forbidden(address(kPublic), 80, kStart), nullptr)
      << "the one that was unused longest made room";
}

TEST(Policy, JudgesWhatComesBack) {
  Policy policy(rules());
  EXPECT_EQ(in(policy, udp(kPublic, kBox)), Verdict::pass);
  EXPECT_EQ(in(policy, udp("192.168.1.1", kBox)), Verdict::refuse);
  EXPECT_EQ(in(policy, udp(kPublic, "198.51.100.99")), Verdict::drop) << "not for the box";
  EXPECT_EQ(in(policy, icmp("198.51.100.2", kBox, 3, udp(kBox, kPublic))), Verdict::pass)
      << "slirp4netns says that it failed";
  EXPECT_EQ(in(policy, icmp("198.51.100.2", kBox, 3, udp(kBox, "10.0.0.1"))), Verdict::refuse);
  EXPECT_EQ(in(policy, icmp("198.51.100.2", kBox, 0)), Verdict::refuse);
}

TEST(Policy, KeepsPrivateAddressesOutOfAnswers) {
  Policy policy(rules());
  policy.set_host_prefixes(
      {host("45.91.1.1/32", HostPrefix::Kind::own_address), host("45.92.0.0/16", HostPrefix::Kind::on_link)});
  for (const char* text :
       {"10.0.0.1", "127.0.0.1", "0.0.0.0", "::1", "::ffff:8.8.8.8", "45.91.1.1", "45.92.1.1"})
    EXPECT_NE(policy.unanswerable(address(text), false), nullptr) << text;
  EXPECT_EQ(policy.unanswerable(address(kPublic), false), nullptr);
  for (const char* text : {"10.0.0.1", "fd00:1::1", "45.92.1.1", kPublic})
    EXPECT_EQ(policy.unanswerable(address(text), true), nullptr) << text;
  for (const char* text :
       {"127.0.0.1", "::1", "169.254.169.254", "45.91.1.1", "224.0.0.1", "0.0.0.0", "fe80::1"})
    EXPECT_NE(policy.unanswerable(address(text), true), nullptr) << text;
}

}  // namespace
}  // namespace claudebox::net
