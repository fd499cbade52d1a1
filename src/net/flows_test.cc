#include "net/flows.h"

#include <gmock/gmock.h>

#include <array>

#include "net/made_packets.h"

namespace claudebox::net {
namespace {

using testing::tcp;
using testing::udp;

constexpr const char* kBox = "198.51.100.100";
constexpr const char* kPeer = "45.90.80.80";
const Time kStart = Time(std::chrono::hours(1000));

class FlowsTest : public ::testing::Test {
 protected:
  void out(const std::vector<std::uint8_t>& bytes) { flows_.outgoing(*parse_packet(bytes), kStart); }
  void in(const std::vector<std::uint8_t>& bytes) { flows_.incoming(*parse_packet(bytes), kStart); }
  void open() {
    out(tcp(kBox, kPeer, {.flags = kTcpSyn, .sequence = 100}));
    in(tcp(kPeer, kBox,
           {.from = 80, .to = 40000, .flags = kTcpSyn | kTcpAck, .sequence = 900, .acknowledgement = 101}));
    out(tcp(kBox, kPeer, {.flags = kTcpAck, .sequence = 101, .acknowledgement = 901}));
  }
  static bool everything(const Address&, std::uint16_t) { return true; }
  Flows flows_;
};

TEST_F(FlowsTest, CountsBytesForEachDestination) {
  out(udp(kBox, kPeer));
  in(udp(kPeer, kBox, 5000, 53));
  out(udp(kBox, "45.1.1.1"));
  const auto changes = flows_.take_changes();
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[1].address, *Address::parse(kPeer));
  EXPECT_EQ(changes[1].port, 53);
  EXPECT_EQ(changes[1].out, 32U);
  EXPECT_EQ(changes[1].in, 32U);
  EXPECT_TRUE(flows_.take_changes().empty()) << "told once";
}

TEST_F(FlowsTest, CountsTheRestTogetherWhereThereAreTooMany) {
  for (std::uint32_t i = 0; i < Flows::kMaxDestinations + 100; ++i)
    out(udp(kBox, kPeer, static_cast<std::uint16_t>(i + 1)));
  const auto changes = flows_.take_changes();
  EXPECT_LE(changes.size(), Flows::kMaxDestinations + 1);
  EXPECT_EQ(changes.front().out, 100U * 32);
  EXPECT_EQ(changes.front().port, 0);
}

TEST_F(FlowsTest, CutsBothSidesWithWhatEachExpectsNext) {
  open();
  out(tcp(kBox, kPeer, {.flags = kTcpAck, .sequence = 101, .acknowledgement = 901, .data = 50}));
  in(tcp(kPeer, kBox,
         {.from = 80, .to = 40000, .flags = kTcpAck, .sequence = 901, .acknowledgement = 151, .data = 7}));
  const auto cuts = flows_.cut(everything);
  ASSERT_EQ(cuts.size(), 1U);
  EXPECT_EQ(cuts[0].to_box.sequence, 908U) << "the box has what is in its queue";
  EXPECT_EQ(cuts[0].to_box.source, *Address::parse(kPeer));
  EXPECT_EQ(cuts[0].to_box.destination_port, 40000);
  EXPECT_EQ(cuts[0].to_peer.sequence, 151U);
  EXPECT_EQ(cuts[0].to_peer.source, *Address::parse(kBox));
  EXPECT_TRUE(flows_.cut(everything).empty()) << "once";
}

TEST_F(FlowsTest, IsNotLedAstrayByOldSegmentsNorByTheEndOfNumbers) {
  out(tcp(kBox, kPeer, {.flags = kTcpSyn, .sequence = 0xfffffff0}));
  out(tcp(kBox, kPeer, {.flags = kTcpAck, .sequence = 0xfffffff1, .acknowledgement = 5, .data = 100}));
  out(tcp(kBox, kPeer, {.flags = kTcpAck, .sequence = 0xfffffff1, .acknowledgement = 4, .data = 10}));
  const auto cuts = flows_.cut(everything);
  ASSERT_EQ(cuts.size(), 1U);
  EXPECT_EQ(cuts[0].to_peer.sequence, 0xfffffff1U + 100);
  EXPECT_EQ(cuts[0].to_box.sequence, 5U);
}

TEST_F(FlowsTest, LeavesWhatIsAllowedAndForgetsWhatWasReset) {
  open();
  EXPECT_TRUE(flows_.cut([](const Address&, std::uint16_t) { return false; }).empty());
  out(tcp(kBox, kPeer, {.flags = kTcpRst, .sequence = 101}));
  EXPECT_TRUE(flows_.cut(everything).empty());
}

TEST_F(FlowsTest, KeepsABoundedNumberOfConnections) {
  for (std::uint32_t i = 0; i < Flows::kMaxConnections + 50; ++i)
    out(tcp(kBox, kPeer, {.from = static_cast<std::uint16_t>(i + 1)}));
  EXPECT_EQ(flows_.cut(everything).size(), Flows::kMaxConnections);
}

}  // namespace
}  // namespace claudebox::net
