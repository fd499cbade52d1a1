#include "selftest/targets.h"

#include <gmock/gmock.h>

#include "fake_host.h"
#include "net/special_purpose.h"

namespace claudebox::selftest {
namespace {

using claudebox::testing::FakeHost;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

plan::Plan with_tier(plan::Tier tier) {
  plan::Plan plan;
  plan.network.value = tier;
  return plan;
}

net::Address address(const char* text) {
  return *net::Address::parse(text);
}

/// A machine with a router and a name server of its own network, and two more name servers.
FakeHost machine() {
  FakeHost host;
  host.file("/proc/net/route",
            "Iface\tDestination\tGateway\tFlags\n"
            "eth0\t00000000\t014DA8C0\t0003\n"
            "eth0\t004DA8C0\t00000000\t0001\n");
  host.file("/proc/net/ipv6_route",
            "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
            "fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n");
  host.file("/etc/resolv.conf", "nameserver 192.168.77.53\nnameserver 127.0.0.53\nnameserver 8.8.8.8\n");
  return host;
}

const std::vector<net::HostPrefix> kPrefixes = {
    {net::Prefix::host(*net::Address::parse("45.80.10.10")), net::HostPrefix::Kind::own_address},
    {*net::Prefix::parse("192.168.77.0/24"), net::HostPrefix::Kind::on_link}};
constexpr std::uint16_t kPorts[] = {4242};

std::vector<std::string> facts_of(const plan::Plan& plan) {
  return target_facts(network_targets(plan, machine(), kPrefixes, kPorts));
}

TEST(NetworkTargets, AreWhatThisMachineHasAndOneOfEachRange) {
  const auto facts = facts_of(with_tier(plan::Tier::internet));
  for (const char* protocol : {"tcp", "udp"}) {
    const std::string way = protocol;
    EXPECT_THAT(facts, Contains("network.own=" + way + " 45.80.10.10 9"));
    EXPECT_THAT(facts, Contains("network.near=" + way + " 192.168.77.1 80"));
    EXPECT_THAT(facts, Contains("network.near=" + way + " fe80::1 80"));
    EXPECT_THAT(facts, Contains("network.near=" + way + " 192.168.77.53 53"));
    EXPECT_THAT(facts, Contains("network.metadata=" + way + " 169.254.169.254 80"));
  }
  EXPECT_THAT(facts, Contains("network.slirp=tcp 198.51.100.2 4242"));
  // Not a destination that this tier opens, nor the box's own loopback.
  EXPECT_THAT(facts, Each(AllOf(Not(HasSubstr("8.8.8.8")), Not(HasSubstr("127.0.0.53")))));
  EXPECT_THAT(facts, Each(AllOf(Not(StartsWith("network.ungranted")), Not(StartsWith("names.servers")))));
}

TEST(NetworkTargets, AreNoPublicOnesButInTheTierAllowlist) {
  for (const auto& target : network_targets(with_tier(plan::Tier::internet), machine(), kPrefixes, kPorts))
    if (target.claim != "network.own") {
      EXPECT_NE(net::special_purpose(target.address), nullptr) << target.address.to_string();
    }
  EXPECT_THAT(facts_of(with_tier(plan::Tier::allowlist)),
              AllOf(Contains(StartsWith("network.ungranted=")), Contains(StartsWith("names.servers="))));
}

TEST(NetworkTargets, AreThereOnlyWithAGateway) {
  EXPECT_THAT(facts_of(with_tier(plan::Tier::offline)), IsEmpty());
  EXPECT_THAT(facts_of(with_tier(plan::Tier::full)), IsEmpty());
}

TEST(NetworkTargets, LeaveOutWhatThePlanOpens) {
  auto plan = with_tier(plan::Tier::internet);
  plan.net.lan.emplace_back().prefix = "192.168.77.0/24";
  EXPECT_THAT(facts_of(plan), Each(Not(HasSubstr("192.168.77."))));
}

// --- the witness

report::NetworkEvent refused(const Target& target) {
  report::NetworkEvent event{.kind = report::NetworkEvent::Kind::denied};
  event.protocol = target.protocol;
  event.address = target.address.to_string();
  event.port = target.port;
  return event;
}

std::vector<Row> row(const std::string& id, Result outcome = Result::held) {
  return {{.id = id, .promise = "NET-2", .attempt = "try", .outcome = outcome, .detail = "0 of 1"}};
}

TEST(Witness, IsNeededForEachTarget) {
  const std::vector<Target> targets = {{"network.own", "tcp", address("192.0.2.1"), 9},
                                       {"network.own", "udp", address("2001:db8::1"), 9}};
  const std::vector<report::NetworkEvent> all = {refused(targets[0]), refused(targets[1])};
  auto rows = row("network.own");
  require_witness(rows, targets, {}, all);
  EXPECT_EQ(rows[0].outcome, Result::held);
  EXPECT_THAT(rows[0].detail, EndsWith("refused by the gateway"));

  for (std::size_t missing = 0; missing < all.size(); ++missing) {
    rows = row("network.own");
    require_witness(rows, targets, {}, {all[1 - missing]});
    EXPECT_EQ(rows[0].outcome, Result::broken) << missing;
    EXPECT_THAT(rows[0].detail, HasSubstr(targets[missing].address.to_string()));
  }
}

TEST(Witness, MustSpeakOfThisVeryTarget) {
  const Target target{"network.own", "tcp", address("192.0.2.1"), 9};
  const auto outcome_with = [&](const auto& change) {
    auto event = refused(target);
    change(event);
    auto rows = row("network.own");
    require_witness(rows, {target}, {}, {event});
    return rows[0].outcome;
  };
  EXPECT_EQ(outcome_with([](auto&) {}), Result::held);
  EXPECT_EQ(outcome_with([](auto& event) { event.port = 10; }), Result::broken);
  EXPECT_EQ(outcome_with([](auto& event) { event.protocol = "udp"; }), Result::broken);
  EXPECT_EQ(outcome_with([](auto& event) { event.address = "192.0.2.2"; }), Result::broken);
  EXPECT_EQ(outcome_with([](auto& event) { event.incoming = true; }), Result::broken);
}

TEST(Witness, ThatSawTrafficWinsOverARefusal) {
  const Target target{"network.own", "tcp", address("192.0.2.1"), 9};
  auto through = refused(target);
  through.kind = report::NetworkEvent::Kind::reached;
  auto rows = row("network.own");
  require_witness(rows, {target}, {}, {refused(target), through});
  EXPECT_EQ(rows[0].outcome, Result::broken);
}

TEST(Witness, ChangesNothingThatWasNotTried) {
  auto rows = row("network.own", Result::untried);
  require_witness(rows, {{"network.own", "tcp", address("192.0.2.1"), 9}}, {}, {});
  EXPECT_EQ(rows, row("network.own", Result::untried));
}

TEST(Witness, IsNeededForANameAsWell) {
  const std::vector<RefusedName> names = {{"names.ungranted", "a.invalid", "refused"}};
  report::NetworkEvent event{.kind = report::NetworkEvent::Kind::lookup};
  event.name = "a.invalid";
  event.result = "refused";
  auto rows = row("names.ungranted");
  require_witness(rows, {}, names, {event});
  EXPECT_EQ(rows[0].outcome, Result::held);
  event.result = "no such name";
  require_witness(rows, {}, names, {event});
  EXPECT_EQ(rows[0].outcome, Result::broken);
}

}  // namespace
}  // namespace claudebox::selftest
