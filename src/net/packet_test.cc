#include "net/packet.h"

#include <gmock/gmock.h>

#include "net/made_packets.h"

namespace claudebox::net {
namespace {

using testing::icmp;
using testing::ip;
using testing::tcp;
using testing::udp;

std::vector<std::vector<std::uint8_t>> samples() {
  return {tcp("45.1.1.1", "45.2.2.2", {.data = 5}),
          tcp("2a00::1", "2a00::2"),
          udp("45.1.1.1", "45.2.2.2"),
          udp("2a00::1", "2a00::2"),
          icmp("45.1.1.1", "45.2.2.2", 8),
          icmp("2a00::1", "2a00::2", 128),
          icmp("45.1.1.1", "45.2.2.2", 3, udp("45.2.2.2", "45.9.9.9"))};
}

TEST(Packet, ReadsTcp) {
  const auto bytes = tcp(
      "45.1.1.1", "45.2.2.2",
      {.from = 1, .to = 65535, .flags = kTcpAck, .sequence = 7, .acknowledgement = 0xfffffffe, .data = 3});
  const auto packet = parse_packet(bytes);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->source, *Address::parse("45.1.1.1"));
  EXPECT_EQ(packet->destination_port, 65535);
  EXPECT_EQ(packet->acknowledgement, 0xfffffffeU);
  EXPECT_EQ(packet->data_length, 3U);
  EXPECT_TRUE(packet->is_whole);
}

TEST(Packet, IsNoneWhereItsLengthIsNotWhatWasRead) {
  for (auto bytes : samples()) {
    EXPECT_TRUE(parse_packet(bytes));
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const std::vector<std::uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_FALSE(parse_packet(cut)) << length;
    }
    bytes.push_back(0);
    EXPECT_FALSE(parse_packet(bytes));
  }
}

TEST(Packet, IsNotWholeWithoutItsTransportHeader) {
  for (const std::size_t length : {0U, 1U, 7U, 19U}) {
    const auto bytes = ip("45.1.1.1", "45.2.2.2", kTcp, std::vector<std::uint8_t>(length));
    EXPECT_FALSE(parse_packet(bytes)->is_whole) << length;
    EXPECT_EQ(parse_packet(bytes)->destination_port, 0);
  }
  auto offset = tcp("45.1.1.1", "45.2.2.2");
  offset[32] = 0xf0;  // a header of 60 bytes that is not there
  EXPECT_FALSE(parse_packet(offset)->is_whole);
}

TEST(Packet, TellsFragments) {
  auto bytes = udp("45.1.1.1", "45.2.2.2");
  bytes[6] = 0x20;  // more follow
  EXPECT_TRUE(parse_packet(bytes)->is_fragment);
  EXPECT_FALSE(parse_packet(bytes)->is_later_fragment);
  EXPECT_EQ(parse_packet(bytes)->destination_port, 53);
  bytes[7] = 1;
  EXPECT_TRUE(parse_packet(bytes)->is_later_fragment);
  EXPECT_EQ(parse_packet(bytes)->destination_port, 0) << "what follows is no header";
}

TEST(Packet, TellsOptions) {
  std::vector<std::uint8_t> bytes = udp("45.1.1.1", "45.2.2.2");
  bytes.insert(bytes.begin() + 20, {1, 1, 1, 0});
  bytes[0] = 0x46;
  bytes[3] = static_cast<std::uint8_t>(bytes.size());
  EXPECT_TRUE(parse_packet(bytes)->has_options);
  EXPECT_EQ(parse_packet(bytes)->destination_port, 53);
  bytes[0] = 0x4f;  // a header longer than the packet
  EXPECT_FALSE(parse_packet(bytes));
  bytes[0] = 0x44;
  EXPECT_FALSE(parse_packet(bytes));
}

TEST(Packet, GivesTheDestinationThatAnErrorIsAbout) {
  const auto quoted = udp("45.2.2.2", "45.9.9.9");
  EXPECT_EQ(quoted_destination(*parse_packet(icmp("45.1.1.1", "45.2.2.2", 3, quoted))),
            Address::parse("45.9.9.9"));
  EXPECT_EQ(quoted_destination(*parse_packet(icmp("2a00::1", "2a00::2", 1, udp("2a00::2", "2a00::9")))),
            Address::parse("2a00::9"));
  EXPECT_FALSE(quoted_destination(*parse_packet(icmp("45.1.1.1", "45.2.2.2", 0, quoted))))
      << "an echo reply quotes nothing";
  EXPECT_FALSE(quoted_destination(*parse_packet(icmp("45.1.1.1", "45.2.2.2", 3, {0x45, 0}))));
}

}  // namespace
}  // namespace claudebox::net
