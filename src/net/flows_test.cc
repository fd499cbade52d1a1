#include "net/flows.h"

#include <gmock/gmock.h>

#include "sample_packets.h"

namespace claudebox::net {
namespace {

using namespace std::chrono_literals;
using sample::address;
using sample::Bytes;
using sample::Segment;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr const char* kBox4 = "198.51.100.100";
constexpr const char* kBox6 = "fd00::100";
constexpr const char* kPeer4 = "45.90.1.1";
constexpr const char* kPeer6 = "2a0e:1111:90::1";
constexpr Time kStart = Time{} + 1000h;

bool everything(const Address&, std::uint16_t) {
  return true;
}

class FlowsTest : public testing::Test {
 protected:
  void out(const Bytes& bytes) { flows.outgoing(parse_packet(bytes).value(), now += 1us); }
  void in(const Bytes& bytes) { flows.incoming(parse_packet(bytes).value(), now += 1us); }
  void send(const Segment& segment) { out(sample::tcp(kBox4, kPeer4, segment)); }
  /// From the peer's port 443 to the box's 40000.
  void get(Segment segment) {
    std::swap(segment.from, segment.to);
    in(sample::tcp(kPeer4, kBox4, segment));
  }
  /// The box has sent up to 1001, the peer up to 5001.
  void open() {
    send({.flags = kTcpSyn, .sequence = 1000});
    get({.flags = kTcpSyn | kTcpAck, .sequence = 5000, .acknowledgement = 1001});
    send({.flags = kTcpAck, .sequence = 1001, .acknowledgement = 5001});
  }
  Flows::Cut cut() {
    const auto all = flows.cut(everything);
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? Flows::Cut{} : all.front();
  }

  Flows flows;
  Time now = kStart;
};

TEST_F(FlowsTest, CountsBytesOfEachDestination) {
  const auto request = sample::udp(kBox4, kPeer4, 40000, 53);
  const auto reply = sample::ip(kPeer4, kBox4, kUdp, sample::udp_payload(53, 40000, 100));
  out(request);
  out(request);
  in(reply);
  out(sample::icmp(kBox4, kPeer4, 8));
  EXPECT_THAT(flows.take_changes(),
              UnorderedElementsAre(
                  DestinationBytes{.protocol = kUdp,
                                   .address = address(kPeer4),
                                   .port = 53,
                                   .out = 2 * request.size(),
                                   .in = reply.size()},
                  DestinationBytes{.protocol = kIcmp, .address = address(kPeer4), .port = 0, .out = 32}));
}

TEST_F(FlowsTest, TellsOnlyWhatChangedAndAlwaysTheWholeSum) {
  const auto request = sample::udp(kBox4, kPeer4, 40000, 53);
  out(request);
  EXPECT_EQ(flows.take_changes().size(), 1U);
  EXPECT_THAT(flows.take_changes(), IsEmpty());
  out(request);
  const auto changes = flows.take_changes();
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes.front().out, 2 * request.size());
}

TEST_F(FlowsTest, CountsErrorsForNobody) {
  in(sample::icmp("198.51.100.2", kBox4, 3, 0, sample::udp(kBox4, kPeer4)));
  EXPECT_THAT(flows.take_changes(), IsEmpty());
}

TEST_F(FlowsTest, CountsWhatIsTooMuchInOneEntry) {
  const std::size_t size = sample::udp(kBox4, kPeer4).size();
  for (std::size_t port = 1; port <= Flows::kMaxDestinations + 10; ++port)
    out(sample::udp(kBox4, kPeer4, 40000, static_cast<std::uint16_t>(port)));
  const auto changes = flows.take_changes();
  EXPECT_EQ(changes.size(), Flows::kMaxDestinations + 1);
  EXPECT_THAT(changes,
              testing::Contains(DestinationBytes{.protocol = 0, .address = {}, .port = 0, .out = 10 * size}));
  out(sample::udp(kBox4, kPeer4, 40000, 1));
  EXPECT_EQ(flows.take_changes().front().port, 1) << "known ones are still counted by themselves";
}

TEST_F(FlowsTest, CutsWithTheNumbersThatBothEndsExpect) {
  open();
  send({.flags = kTcpAck, .sequence = 1001, .acknowledgement = 5001, .data = 200});
  get({.flags = kTcpAck, .sequence = 5001, .acknowledgement = 1201, .data = 50});
  send({.flags = kTcpAck, .sequence = 1201, .acknowledgement = 5051});
  const auto [to_box, to_peer] = cut();
  EXPECT_EQ(to_box.source, address(kPeer4));
  EXPECT_EQ(to_box.destination, address(kBox4));
  EXPECT_EQ(to_box.source_port, 443);
  EXPECT_EQ(to_box.destination_port, 40000);
  EXPECT_EQ(to_box.sequence, 5051U);
  EXPECT_EQ(to_box.acknowledgement, 1201U);
  EXPECT_EQ(to_peer.source, address(kBox4));
  EXPECT_EQ(to_peer.destination, address(kPeer4));
  EXPECT_EQ(to_peer.source_port, 40000);
  EXPECT_EQ(to_peer.destination_port, 443);
  EXPECT_EQ(to_peer.sequence, 1201U);
  EXPECT_EQ(to_peer.acknowledgement, 5051U);
  EXPECT_THAT(flows.cut(everything), IsEmpty()) << "it is forgotten";
}

TEST_F(FlowsTest, CutsAConnectionOfIPv6) {
  out(sample::tcp(kBox6, kPeer6, {.flags = kTcpSyn, .sequence = 9}));
  const auto [to_box, to_peer] = cut();
  EXPECT_EQ(to_box.destination, address(kBox6));
  EXPECT_EQ(to_box.acknowledgement, 10U) << "what a connect that still waits believes";
  EXPECT_EQ(to_peer.sequence, 10U);
}

TEST_F(FlowsTest, CutsOnlyWhatIsForbidden) {
  open();
  EXPECT_THAT(flows.cut([](const Address& peer, std::uint16_t port) {
    return peer != address(kPeer4) || port != 443;
  }),
              IsEmpty());
  EXPECT_EQ(
      flows
          .cut([](const Address& peer, std::uint16_t port) { return peer == address(kPeer4) && port == 443; })
          .size(),
      1U);
}

TEST_F(FlowsTest, FollowsWhatTheBoxHasGotBeforeItSaysSo) {
  open();
  get({.flags = kTcpAck, .sequence = 5001, .acknowledgement = 1001, .data = 100});
  EXPECT_EQ(cut().to_box.sequence, 5101U);
}

TEST_F(FlowsTest, StopsAtAGapInWhatTheBoxGot) {
  open();
  get({.flags = kTcpAck, .sequence = 5101, .acknowledgement = 1001, .data = 100});
  EXPECT_EQ(cut().to_box.sequence, 5001U) << "5001 to 5100 are still on their way";
}

TEST_F(FlowsTest, TakesWhatIsNewOfASegmentSentTwice) {
  open();
  get({.flags = kTcpAck, .sequence = 5001, .acknowledgement = 1001, .data = 100});
  get({.flags = kTcpAck, .sequence = 5051, .acknowledgement = 1001, .data = 100});
  get({.flags = kTcpAck, .sequence = 5001, .acknowledgement = 1001, .data = 10});
  EXPECT_EQ(cut().to_box.sequence, 5151U);
}

TEST_F(FlowsTest, DoesNotGoBackForSegmentsSentTwice) {
  open();
  send({.flags = kTcpAck, .sequence = 1001, .acknowledgement = 5001, .data = 300});
  send({.flags = kTcpAck, .sequence = 1001, .acknowledgement = 5001, .data = 100});
  EXPECT_EQ(cut().to_peer.sequence, 1301U);
}

TEST_F(FlowsTest, CountsOnPastTheEndOfTheNumbers) {
  send({.flags = kTcpSyn, .sequence = 0xffffffff});
  get({.flags = kTcpSyn | kTcpAck, .sequence = 0xfffffff0, .acknowledgement = 0});
  send({.flags = kTcpAck, .sequence = 0, .acknowledgement = 0xfffffff1, .data = 16});
  get({.flags = kTcpAck, .sequence = 0xfffffff1, .acknowledgement = 16, .data = 0x20});
  const auto [to_box, to_peer] = cut();
  EXPECT_EQ(to_peer.sequence, 16U);
  EXPECT_EQ(to_box.sequence, 0x11U);
}

TEST_F(FlowsTest, CountsAFinAsOne) {
  open();
  get({.flags = kTcpAck | kTcpFin, .sequence = 5001, .acknowledgement = 1001});
  send({.flags = kTcpAck | kTcpFin, .sequence = 1001, .acknowledgement = 5002});
  const auto [to_box, to_peer] = cut();
  EXPECT_EQ(to_box.sequence, 5002U);
  EXPECT_EQ(to_peer.sequence, 1002U);
}

TEST_F(FlowsTest, StartsAnewWhenAPortIsUsedAgain) {
  open();
  send({.flags = kTcpSyn, .sequence = 77});
  EXPECT_EQ(cut().to_peer.sequence, 78U);
}

TEST_F(FlowsTest, ForgetsAConnectionThatWasReset) {
  open();
  send({.flags = kTcpRst, .sequence = 1001});
  EXPECT_THAT(flows.cut(everything), IsEmpty());
  open();
  get({.flags = kTcpRst, .sequence = 5001});
  EXPECT_THAT(flows.cut(everything), IsEmpty());
}

TEST_F(FlowsTest, KnowsNoConnectionThatTheBoxDidNotOpen) {
  get({.flags = kTcpSyn, .sequence = 1});
  get({.flags = kTcpAck, .sequence = 1, .data = 5});
  send({.flags = kTcpAck, .sequence = 1, .acknowledgement = 1});
  EXPECT_THAT(flows.cut(everything), IsEmpty());
}

TEST_F(FlowsTest, KeepsNoMoreConnectionsThanItMayAndThoseInUse) {
  open();
  for (unsigned i = 0; i < 2 * Flows::kMaxConnections; ++i) {
    send({.from = static_cast<std::uint16_t>(i + 1), .to = 80, .flags = kTcpSyn});
    if (i % 100 == 0) send({.flags = kTcpAck, .sequence = 1001, .acknowledgement = 5001});
  }
  const auto all = flows.cut(everything);
  EXPECT_LE(all.size(), Flows::kMaxConnections);
  EXPECT_GT(all.size(), Flows::kMaxConnections / 2);
  EXPECT_TRUE(std::any_of(all.begin(), all.end(),
                          [](const Flows::Cut& one) { return one.to_peer.destination_port == 443; }));
  EXPECT_TRUE(std::any_of(all.begin(), all.end(), [](const Flows::Cut& one) {
    return one.to_peer.source_port == 2 * Flows::kMaxConnections;
  })) << "the newest";
}

}  // namespace
}  // namespace claudebox::net
