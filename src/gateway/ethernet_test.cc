#include "gateway/ethernet.h"

#include <gmock/gmock.h>

namespace claudebox::gateway {
namespace {

using ::testing::ElementsAreArray;

const net::Address kV4 = *net::Address::parse("198.51.100.100");
const net::Address kV6 = *net::Address::parse("fd00::100");

TEST(Ethernet, TellsPacketsByTheirType) {
  std::vector<std::uint8_t> frame(kEthernetHeader + 3, 7);
  for (const bool v4 : {true, false}) {
    write_ethernet_header(std::span(frame).first<kEthernetHeader>(), v4);
    EXPECT_EQ(frame[12], v4 ? 0x08 : 0x86);
    const auto packet = packet_of_frame(frame);
    ASSERT_TRUE(packet);
    EXPECT_THAT(*packet, ElementsAreArray({7, 7, 7}));
  }
  frame[12] = 0x08;
  frame[13] = 0x06;
  EXPECT_FALSE(packet_of_frame(frame)) << "ARP";
  EXPECT_FALSE(packet_of_frame(std::span(frame).first(kEthernetHeader - 1)));
  EXPECT_TRUE(packet_of_frame(frame) == std::nullopt);
}

TEST(Ethernet, AnnouncesTheBoxByArp) {
  const auto frame = arp_introduction(kV4);
  ASSERT_EQ(frame.size(), 42U);
  const auto sender = std::span(frame).subspan(28, 4);
  const auto target = std::span(frame).subspan(38, 4);
  EXPECT_THAT(sender, ElementsAreArray(kV4.bytes()));
  EXPECT_THAT(target, ElementsAreArray(kV4.bytes())) << "gratuitous: both are the same";
}

TEST(Ethernet, AnnouncesTheBoxByNdpWithARightChecksum) {
  const auto frame = ndp_introduction(kV6);
  ASSERT_EQ(frame.size(), kEthernetHeader + 40 + 32);
  EXPECT_EQ(frame[kEthernetHeader + 7], 255) << "a smaller hop limit is ignored, RFC 4861 section 7.1.2";
  // The sum over the pseudo header and the message, its checksum included, is all ones (RFC 1071).
  std::uint32_t sum = 58 + 32;
  for (std::size_t i = kEthernetHeader + 8; i < frame.size(); i += 2)
    sum += static_cast<std::uint32_t>(frame[i] << 8 | frame[i + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  EXPECT_EQ(sum, 0xffffU);
}

}  // namespace
}  // namespace claudebox::gateway
