#include "net/policy.h"

#include <gmock/gmock.h>

#include "sample_packets.h"

namespace claudebox::net {
namespace {

using namespace std::chrono_literals;
using sample::address;
using sample::Bytes;
using Kind = HostPrefix::Kind;

constexpr const char* kBox4 = "198.51.100.100";
constexpr const char* kBox6 = "fd00::100";
constexpr const char* kPublic4 = "45.90.1.1";
constexpr const char* kPublic6 = "2a0e:1111:90::1";
constexpr const char* kLan = "192.168.77.20";
constexpr Time kNow = Time{} + 1000h;

PolicyRules rules(bool allowlist = false, std::vector<LanRule> lan = {}) {
  return {.allowlist = allowlist, .box_v4 = address(kBox4), .box_v6 = address(kBox6), .lan = std::move(lan)};
}
LanRule opened(const char* prefix, std::uint16_t port = 0) {
  return {Prefix::parse(prefix).value(), port};
}
HostPrefix host(const char* prefix, Kind kind) {
  return {Prefix::parse(prefix).value(), kind};
}
/// A host with a public address, its network, and a VPN that leads to another one.
Policy policy_of_host(PolicyRules with) {
  Policy policy(std::move(with));
  policy.set_host_prefixes({host("45.80.10.0/24", Kind::on_link), host("45.80.10.10", Kind::own_address),
                            host("45.70.0.0/16", Kind::route), host("192.168.77.0/24", Kind::on_link),
                            host("192.168.77.10", Kind::own_address)});
  return policy;
}

Judgement out(Policy& policy, const Bytes& bytes, Time now = kNow) {
  return policy.outgoing(parse_packet(bytes).value(), now);
}
Judgement in(const Policy& policy, const Bytes& bytes, Time now = kNow) {
  return policy.incoming(parse_packet(bytes).value(), now);
}
Verdict connect(Policy& policy, const char* to, std::uint16_t port = 443, Time now = kNow) {
  const char* from = address(to).is_v4() ? kBox4 : kBox6;
  return out(policy, sample::tcp(from, to, {.to = port}), now).verdict;
}

// --- what comes from the box ---------------------------------------------------------------------------------------

TEST(PolicyOutgoing, PassesThePublicInternet) {
  Policy policy = policy_of_host(rules());
  for (const auto& packet :
       {sample::tcp(kBox4, kPublic4), sample::tcp(kBox6, kPublic6), sample::udp(kBox4, kPublic4),
        sample::udp(kBox6, kPublic6), sample::icmp(kBox4, kPublic4, 8)})
    EXPECT_EQ(out(policy, packet).verdict, Verdict::pass);
}

TEST(PolicyOutgoing, RefusesWhatIsNotPublicAndSaysWhy) {
  Policy policy = policy_of_host(rules());
  const std::vector<std::pair<const char*, const char*>> denied{
      {kLan, "private"},
      {"127.0.0.1", "loopback"},
      {"0.0.0.0", "no destination"},
      {"169.254.169.254", "cloud metadata"},
      {"168.63.129.16", "cloud metadata"},
      {"100.64.0.1", "shared address space (carrier or VPN)"},
      {"224.0.0.251", "multicast"},
      {"255.255.255.255", "broadcast"},
      {"198.51.100.2", "the box's own network"},
      {"45.80.10.10", "an address of this host"},
      {"45.80.10.11", "a network of this host"},
      {"45.70.1.1", "a private route of this host (VPN)"},
      {"::ffff:45.90.1.1", "IPv6 that embeds IPv4"},
      {"64:ff9b::45.90.1.1", "IPv6 that embeds IPv4"},
      {"2002:2d5a:101::1", "IPv6 that embeds IPv4"},
      {"fd00::2", "the box's own network"},
      {"fd00:1::2", "private"},
      {"fe80::1", "link-local"},
      {"::1", "loopback"},
      {"ff02::fb", "multicast"},
  };
  for (const auto& [to, reason] : denied) {
    const char* from = address(to).is_v4() ? kBox4 : kBox6;
    for (const auto& packet : {sample::tcp(from, to), sample::udp(from, to)}) {
      EXPECT_EQ(out(policy, packet).verdict, Verdict::refuse) << to;
      EXPECT_STREQ(out(policy, packet).reason, reason) << to;
    }
  }
}

TEST(PolicyOutgoing, DropsASourceThatIsNotTheBox) {
  Policy policy = policy_of_host(rules());
  for (const char* from : {"198.51.100.101", "127.0.0.1", "192.168.77.10", "0.0.0.0"})
    EXPECT_EQ(out(policy, sample::udp(from, kPublic4)).verdict, Verdict::drop) << from;
  EXPECT_EQ(out(policy, sample::udp("fd00::101", kPublic6)).verdict, Verdict::drop);
  Policy without_v6({.box_v4 = address(kBox4)});
  EXPECT_EQ(out(without_v6, sample::udp(kBox6, kPublic6)).verdict, Verdict::drop);
}

TEST(PolicyOutgoing, DropsTheNoiseOfAKernelButNotDataToGroups) {
  Policy policy = policy_of_host(rules());
  EXPECT_EQ(out(policy, sample::icmp(kBox6, "ff02::2", 133)).verdict, Verdict::drop) << "router solicitation";
  EXPECT_EQ(out(policy, sample::icmp(kBox6, "ff02::16", 143)).verdict, Verdict::drop) << "MLD";
  EXPECT_EQ(out(policy, sample::ip(kBox6, "ff02::16", 0, Bytes(36, 0))).verdict, Verdict::drop)
      << "hop by hop";
  EXPECT_EQ(out(policy, sample::udp(kBox6, "ff02::fb")).verdict, Verdict::refuse);
  EXPECT_EQ(out(policy, sample::icmp(kBox6, "ff02::1", 128)).verdict, Verdict::refuse);
  EXPECT_EQ(out(policy, sample::icmp(kBox6, kPublic6, 135)).verdict, Verdict::refuse) << "to one host";
}

TEST(PolicyOutgoing, RefusesWhatCanNotBeCarried) {
  Policy policy = policy_of_host(rules());
  const std::vector<std::pair<const char*, Bytes>> others{
      {"UDP-Lite", sample::ip(kBox4, kPublic4, 136, sample::udp_payload(1, 2))},
      {"GRE", sample::ip(kBox4, kPublic4, 47, Bytes(20, 0))},
      {"IPv4 options", sample::ip(kBox4, kPublic4, kUdp, sample::udp_payload(1, 2), 0, Bytes(8, 1))},
      {"timestamp request", sample::icmp(kBox4, kPublic4, 13)},
      {"echo reply", sample::icmp(kBox4, kPublic4, 0)},
      {"an error", sample::icmp(kBox4, kPublic4, 3)},
      {"ICMPv6 echo", sample::icmp(kBox6, kPublic6, 128)},
      {"ICMP in IPv6", sample::ip(kBox6, kPublic6, kIcmp, Bytes(8, 8))},
      {"IPv6 routing header", sample::ip(kBox6, kPublic6, 43, Bytes(24, 0))},
      {"IPv6 fragment", sample::ip(kBox6, kPublic6, 44, Bytes(24, 0))},
      {"IPv6 destination options", sample::ip(kBox6, kPublic6, 60, Bytes(24, 0))},
      {"half a TCP header", sample::ip(kBox4, kPublic4, kTcp, Bytes(8, 0), 0x2000)},
      {"half a UDP header", sample::ip(kBox4, kPublic4, kUdp, Bytes(4, 0))},
  };
  for (const auto& [what, packet] : others) {
    EXPECT_EQ(out(policy, packet).verdict, Verdict::refuse) << what;
    EXPECT_STREQ(out(policy, packet).reason, "a kind of packet that is not carried") << what;
  }
}

TEST(PolicyOutgoing, JudgesLaterFragmentsByTheirDestination) {
  const auto later = [](const char* to) { return sample::ip(kBox4, to, kUdp, Bytes(16, 0), 0x2001); };
  Policy policy = policy_of_host(rules(false, {opened("192.168.77.20", 8080), opened("10.1.0.0/16")}));
  EXPECT_EQ(out(policy, later(kPublic4)).verdict, Verdict::pass);
  EXPECT_EQ(out(policy, later("192.168.77.21")).verdict, Verdict::refuse);
  EXPECT_EQ(out(policy, later("10.1.2.3")).verdict, Verdict::pass) << "every port is open";
  EXPECT_EQ(out(policy, later(kLan)).verdict, Verdict::refuse) << "which port it is for can't be told";
}

// --- --lan ---------------------------------------------------------------------------------------------------------

TEST(PolicyLan, OpensAPortOrAll) {
  Policy policy = policy_of_host(rules(false, {opened("192.168.77.20", 8080), opened("10.1.0.0/16")}));
  EXPECT_EQ(connect(policy, kLan, 8080), Verdict::pass) << "it lies in an on-link network, and was opened";
  EXPECT_EQ(connect(policy, kLan, 8081), Verdict::refuse);
  EXPECT_EQ(connect(policy, "192.168.77.21", 8080), Verdict::refuse);
  EXPECT_EQ(out(policy, sample::icmp(kBox4, kLan, 8)).verdict, Verdict::refuse) << "ping has no port";
  EXPECT_EQ(connect(policy, "10.1.255.255", 1), Verdict::pass);
  EXPECT_EQ(out(policy, sample::icmp(kBox4, "10.1.2.3", 8)).verdict, Verdict::pass);
  EXPECT_EQ(connect(policy, "10.2.0.0", 1), Verdict::refuse);
}

TEST(PolicyLan, OpensInAnAllowlistToo) {
  Policy policy = policy_of_host(rules(true, {opened("45.70.1.0/24", 443), opened("fd00:1::/32")}));
  EXPECT_EQ(connect(policy, "45.70.1.1"), Verdict::pass) << "a VPN's";
  EXPECT_EQ(connect(policy, "fd00:1::7"), Verdict::pass);
  EXPECT_EQ(connect(policy, kPublic4), Verdict::refuse);
}

TEST(PolicyLan, OpensNeitherTheHostNorMetadataNorLoopbackNorGroups) {
  Policy policy = policy_of_host(rules(false, {opened("0.0.0.0/0"), opened("::/0")}));
  for (const char* to : {"45.80.10.10",
                         "192.168.77.10",
                         "169.254.169.254",
                         "168.63.129.16",
                         "100.100.100.200",
                         "127.0.0.1",
                         "0.0.0.0",
                         "224.0.0.251",
                         "255.255.255.255",
                         "198.51.100.2",
                         "fd00::2",
                         "fd00:ec2::254",
                         "::1",
                         "::",
                         "::ffff:127.0.0.1",
                         "::ffff:192.168.77.20",
                         "::ffff:169.254.169.254",
                         "64:ff9b::127.0.0.1",
                         "2002:7f00:1::",
                         "ff02::1"})
    EXPECT_EQ(connect(policy, to), Verdict::refuse) << to;
  EXPECT_EQ(connect(policy, "192.168.77.11"), Verdict::pass);
  EXPECT_EQ(connect(policy, "fd00:1::1"), Verdict::pass);
}

// --- grants --------------------------------------------------------------------------------------------------------

TEST(PolicyGrants, OpenAnAddressInAnAllowlist) {
  Policy policy = policy_of_host(rules(true));
  EXPECT_STREQ(out(policy, sample::tcp(kBox4, kPublic4)).reason, "not on the allowlist");
  policy.grant({.address = address(kPublic4)}, 60s, kNow);
  EXPECT_EQ(connect(policy, kPublic4), Verdict::pass);
  EXPECT_EQ(connect(policy, "45.90.1.2"), Verdict::refuse);
  EXPECT_EQ(connect(policy, kPublic6), Verdict::refuse);
}

TEST(PolicyGrants, OpenNothingThatIsNotPublic) {
  Policy policy = policy_of_host(rules(true));
  for (const char* to : {kLan, "45.80.10.11", "45.80.10.10", "45.70.1.1", "169.254.169.254", "fd00:1::1"}) {
    policy.grant({.address = address(to)}, 60s, kNow);
    EXPECT_EQ(connect(policy, to), Verdict::refuse) << to;
  }
}

TEST(PolicyGrants, OfLanOpenPrivateAddressesByPort) {
  for (const bool allowlist : {false, true}) {
    Policy policy = policy_of_host(rules(allowlist));
    policy.grant({.address = address(kLan), .port = 8080, .lan = true}, 60s, kNow);
    EXPECT_EQ(connect(policy, kLan, 8080), Verdict::pass);
    EXPECT_EQ(connect(policy, kLan, 443), Verdict::refuse);
    for (const char* to : {"192.168.77.10", "169.254.169.254", "127.0.0.1", "fd00::2"}) {
      policy.grant({.address = address(to), .lan = true}, 60s, kNow);
      EXPECT_EQ(connect(policy, to), Verdict::refuse) << to;
    }
  }
}

TEST(PolicyGrants, EndAfterTheirTimeAndTheirLastUse) {
  Policy policy = policy_of_host(rules(true));
  policy.grant({.address = address(kPublic4)}, 60s, kNow);
  EXPECT_EQ(connect(policy, kPublic4, 443, kNow + 9min), Verdict::pass)
      << "the time to live is over, the idle time not";
  EXPECT_EQ(connect(policy, kPublic4, 443, kNow + 18min), Verdict::pass) << "it was used";
  EXPECT_EQ(connect(policy, kPublic4, 443, kNow + 29min), Verdict::refuse);
  EXPECT_EQ(connect(policy, kPublic4, 443, kNow + 30min), Verdict::refuse) << "a refused packet is no use";

  policy.grant({.address = address("45.90.1.2")}, 1h, kNow);
  EXPECT_EQ(connect(policy, "45.90.1.2", 443, kNow + 59min), Verdict::pass) << "never used, but still valid";
  policy.grant({.address = address("45.90.1.3")}, std::chrono::seconds::max(), kNow);
  EXPECT_EQ(connect(policy, "45.90.1.3", 443, kNow + 25h), Verdict::refuse)
      << "nobody's time to live is that long";
}

TEST(PolicyGrants, AreNotKeptAliveFromOutsideNorByQuestions) {
  Policy policy = policy_of_host(rules(true));
  policy.grant({.address = address(kPublic4)}, 1s, kNow);
  EXPECT_EQ(in(policy, sample::udp(kPublic4, kBox4), kNow + 9min).verdict, Verdict::pass);
  EXPECT_EQ(policy.forbidden(address(kPublic4), 443, kNow + 9min), nullptr);
  EXPECT_EQ(connect(policy, kPublic4, 443, kNow + 11min), Verdict::refuse);
}

TEST(PolicyGrants, DoNotShortenAnEarlierOne) {
  Policy policy = policy_of_host(rules(true));
  policy.grant({.address = address(kPublic4)}, 1h, kNow);
  policy.grant({.address = address(kPublic4)}, 0s, kNow);
  EXPECT_EQ(connect(policy, kPublic4, 443, kNow + 50min), Verdict::pass);
}

TEST(PolicyGrants, AreGivenOnToTheNextGateway) {
  Policy policy = policy_of_host(rules(true));
  const Grant one{.address = address(kPublic4)};
  const Grant other{.address = address(kLan), .port = 80, .lan = true};
  policy.grant(one, 1h, kNow);
  policy.grant(other, 1s, kNow);
  EXPECT_THAT(policy.grants(kNow), testing::UnorderedElementsAre(one, other));
  EXPECT_THAT(policy.grants(kNow + 20min), testing::ElementsAre(one));
}

TEST(PolicyGrants, MeanNothingWithoutAnAllowlistButForLan) {
  Policy policy = policy_of_host(rules(false));
  policy.grant({.address = address(kPublic4)}, 1h, kNow);
  EXPECT_TRUE(policy.grants(kNow).empty());
}

TEST(PolicyGrants, AreBoundedAndTheOnesInUseStay) {
  Policy policy = policy_of_host(rules(true));
  policy.grant({.address = address(kPublic4)}, 0s, kNow);
  const auto numbered = [](std::size_t i) {
    const std::array<std::uint8_t, 4> bytes{46, static_cast<std::uint8_t>(i >> 16),
                                            static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
    return Address(bytes);
  };
  for (std::size_t i = 0; i < 3 * Policy::kMaxGrants; ++i) {
    const Time now = kNow + std::chrono::milliseconds(i);
    policy.grant({.address = numbered(i)}, 24h, now);
    EXPECT_EQ(policy.forbidden(numbered(i), 443, now), nullptr) << "the newest is always there";
    if (i % 100 != 0) continue;
    EXPECT_EQ(connect(policy, kPublic4, 443, now), Verdict::pass) << i;
  }
  EXPECT_LE(policy.grants(kNow).size(), Policy::kMaxGrants);
  EXPECT_GT(policy.grants(kNow).size(), Policy::kMaxGrants / 2);
  EXPECT_TRUE(policy.forbidden(numbered(0), 443, kNow));
}

// --- the host's networks -------------------------------------------------------------------------------------------

TEST(PolicyHost, WinsOverWhatPassedBefore) {
  Policy policy(rules(true));
  policy.grant({.address = address(kPublic4)}, 1h, kNow);
  EXPECT_EQ(connect(policy, kPublic4), Verdict::pass);
  for (const Kind kind : {Kind::own_address, Kind::on_link, Kind::route}) {
    policy.set_host_prefixes({host("45.90.0.0/16", kind)});
    EXPECT_EQ(connect(policy, kPublic4), Verdict::refuse);
    EXPECT_TRUE(policy.forbidden(address(kPublic4), 443, kNow));
  }
  policy.set_host_prefixes({});
  EXPECT_EQ(connect(policy, kPublic4), Verdict::pass) << "the prefix is gone";
}

TEST(PolicyHost, OfTooManyNetworksClosesEverything) {
  Policy policy(rules(false, {opened("10.1.0.0/16")}));
  std::vector<HostPrefix> many;
  for (std::size_t i = 0; i <= Policy::kMaxHostPrefixes; ++i) {
    const std::array<std::uint8_t, 4> bytes{20, static_cast<std::uint8_t>(i >> 8),
                                            static_cast<std::uint8_t>(i), 0};
    many.push_back({Prefix::of(Address(bytes), 24), Kind::route});
  }
  policy.set_host_prefixes(many);
  EXPECT_EQ(connect(policy, kPublic4), Verdict::refuse);
  EXPECT_EQ(connect(policy, "10.1.2.3"), Verdict::refuse);
  EXPECT_TRUE(policy.unanswerable(address(kPublic4), false));
  many.push_back(host("20.0.0.0/8", Kind::route));
  policy.set_host_prefixes(many);
  EXPECT_EQ(connect(policy, kPublic4), Verdict::pass) << "all but one are within another";
  EXPECT_EQ(connect(policy, "20.1.1.1"), Verdict::refuse);
}

// --- what comes back -----------------------------------------------------------------------------------------------

TEST(PolicyIncoming, JudgesTheSourceAsADestination) {
  const Policy policy = policy_of_host(rules(false, {opened("192.168.77.20", 8080)}));
  EXPECT_EQ(in(policy, sample::udp(kPublic4, kBox4)).verdict, Verdict::pass);
  EXPECT_EQ(in(policy, sample::udp(kPublic6, kBox6)).verdict, Verdict::pass);
  EXPECT_EQ(in(policy, sample::icmp(kPublic4, kBox4, 0)).verdict, Verdict::pass) << "echo reply";
  for (const char* from : {"192.168.77.21", "45.80.10.11", "45.80.10.10", "45.70.1.1", "169.254.169.254"})
    EXPECT_EQ(in(policy, sample::udp(from, kBox4)).verdict, Verdict::refuse) << from;
  EXPECT_EQ(in(policy, sample::udp(kLan, kBox4, 8080)).verdict, Verdict::pass);
  EXPECT_EQ(in(policy, sample::udp(kLan, kBox4, 8081)).verdict, Verdict::refuse);
}

TEST(PolicyIncoming, FollowsTheAllowlist) {
  Policy policy = policy_of_host(rules(true));
  EXPECT_EQ(in(policy, sample::udp(kPublic4, kBox4)).verdict, Verdict::refuse);
  policy.grant({.address = address(kPublic4)}, 1h, kNow);
  EXPECT_EQ(in(policy, sample::udp(kPublic4, kBox4)).verdict, Verdict::pass);
}

TEST(PolicyIncoming, IsForTheBoxAlone) {
  const Policy policy = policy_of_host(rules());
  for (const char* to : {"198.51.100.101", "255.255.255.255", "224.0.0.1"})
    EXPECT_EQ(in(policy, sample::udp(kPublic4, to)).verdict, Verdict::drop) << to;
  EXPECT_EQ(in(policy, sample::icmp("fe80::2", "ff02::1", 134)).verdict, Verdict::drop)
      << "router advertisement";
}

TEST(PolicyIncoming, LetsNothingInThatIsNoAnswer) {
  const Policy policy = policy_of_host(rules());
  EXPECT_EQ(in(policy, sample::icmp(kPublic4, kBox4, 8)).verdict, Verdict::refuse) << "a ping";
  EXPECT_EQ(in(policy, sample::icmp(kPublic4, kBox4, 5, 1, sample::udp(kBox4, kPublic4))).verdict,
            Verdict::refuse)
      << "a redirect";
  EXPECT_EQ(in(policy, sample::icmp(kPublic6, kBox6, 136)).verdict, Verdict::refuse)
      << "a neighbour advertisement";
  EXPECT_EQ(in(policy, sample::ip(kPublic4, kBox4, 47, Bytes(20, 0))).verdict, Verdict::refuse);
}

TEST(PolicyIncoming, JudgesAnErrorByWhatItQuotes) {
  const Policy policy = policy_of_host(rules(false, {opened("10.1.0.0/16", 80)}));
  const auto error4 = [](const char* from, const char* about) {
    return sample::icmp(from, kBox4, 3, 0, sample::udp(kBox4, about));
  };
  for (const char* from : {"198.51.100.2", "192.168.77.1", "10.0.0.1", kPublic4})
    EXPECT_EQ(in(policy, error4(from, kPublic4)).verdict, Verdict::pass) << "a router on the way: " << from;
  EXPECT_EQ(in(policy, error4("198.51.100.2", "10.1.2.3")).verdict, Verdict::pass)
      << "some port of it is open";
  EXPECT_EQ(in(policy, error4(kPublic4, kLan)).verdict, Verdict::refuse);
  EXPECT_EQ(in(policy, error4(kPublic4, "45.80.10.10")).verdict, Verdict::refuse);
  const auto error6 = [](const char* about) {
    return sample::icmp("fd00::2", kBox6, 1, 0, sample::udp(kBox6, about));
  };
  EXPECT_EQ(in(policy, error6(kPublic6)).verdict, Verdict::pass);
  EXPECT_EQ(in(policy, error6("fd00:1::1")).verdict, Verdict::refuse);
  EXPECT_EQ(in(policy, sample::icmp("198.51.100.2", kBox4, 3, 0, Bytes(12, 0))).verdict, Verdict::refuse)
      << "it quotes nothing that can be judged, and its sender may not be reached";
}

TEST(PolicyIncoming, LetsLaterFragmentsInWhereSomePortIsOpen) {
  Policy policy = policy_of_host(rules(true, {opened("10.1.0.0/16", 80), opened("192.168.77.0/28", 80)}));
  policy.grant({.address = address(kLan), .port = 53, .lan = true}, 1h, kNow);
  EXPECT_EQ(in(policy_of_host(rules()), sample::ip(kPublic4, kBox4, kUdp, Bytes(16, 0), 0x2001)).verdict,
            Verdict::pass);
  const auto later = [](const char* from) { return sample::ip(from, kBox4, kUdp, Bytes(16, 0), 0x2001); };
  for (const char* from : {"10.1.2.3", kLan})
    EXPECT_EQ(in(policy, later(from)).verdict, Verdict::pass) << from;
  EXPECT_EQ(in(policy, later("10.2.2.3")).verdict, Verdict::refuse);
  EXPECT_EQ(in(policy, later("192.168.77.10")).verdict, Verdict::refuse) << "the host itself";
  policy.grant({.address = address("192.168.77.21")}, 1h, kNow);
  EXPECT_EQ(in(policy, later("192.168.77.21")).verdict, Verdict::refuse) << "no grant of --lan";
}

// --- answers of name servers ---------------------------------------------------------------------------------------

TEST(PolicyAnswers, HoldOnlyWhatTheBoxMayReach) {
  const Policy policy = policy_of_host(rules(true));
  EXPECT_FALSE(policy.unanswerable(address(kPublic4), false)) << "before it is granted";
  EXPECT_FALSE(policy.unanswerable(address(kPublic6), false));
  for (const char* text :
       {kLan, "127.0.0.1", "0.0.0.0", "169.254.169.254", "45.80.10.10", "45.80.10.11", "45.70.1.1", "::1",
        "::", "::ffff:45.90.1.1", "64:ff9b::45.90.1.1", "2002:2d5a:101::1", "fd00:1::1", "fe80::1",
        "224.0.0.1", "ff02::1", "255.255.255.255"})
    EXPECT_TRUE(policy.unanswerable(address(text), false)) << text;
}

TEST(PolicyAnswers, OfANameOpenedByLanMayBePrivate) {
  const Policy policy = policy_of_host(rules(true));
  for (const char* text : {kLan, "10.1.2.3", "45.80.10.11", "45.70.1.1", "fd00:1::1", kPublic4, kPublic6})
    EXPECT_FALSE(policy.unanswerable(address(text), true)) << text;
  for (const char* text :
       {"127.0.0.1", "0.0.0.0", "169.254.169.254", "100.100.100.200", "192.168.77.10", "45.80.10.10",
        "224.0.0.1", "255.255.255.255", "::1", "::", "::ffff:192.168.77.20", "64:ff9b::192.168.77.20",
        "2002:c0a8:4d14::", "fd00:ec2::254", "fe80::1", "ff02::1", "198.51.100.2", "fd00::2"})
    EXPECT_TRUE(policy.unanswerable(address(text), true)) << text;
}

}  // namespace
}  // namespace claudebox::net
