#include "net/packet.h"

#include <gmock/gmock.h>

#include <random>

#include "net/refusal.h"
#include "sample_packets.h"

namespace claudebox::net {
namespace {

using sample::address;
using sample::Bytes;

constexpr const char* kBox4 = "198.51.100.100";
constexpr const char* kBox6 = "fd00::100";
constexpr const char* kPeer4 = "45.80.10.7";
constexpr const char* kPeer6 = "2a0e:1111:80::7";

TEST(Packet, ReadsTcpOfBothFamilies) {
  for (const auto& [from, to] : {std::pair{kBox4, kPeer4}, std::pair{kBox6, kPeer6}}) {
    const auto bytes = sample::tcp(from, to,
                                   {.from = 40001,
                                    .to = 8443,
                                    .flags = kTcpAck | kTcpFin,
                                    .sequence = 0xfedcba98,
                                    .acknowledgement = 0x89abcdef,
                                    .data = 5,
                                    .options = 12});
    const auto packet = parse_packet(bytes);
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->source, address(from));
    EXPECT_EQ(packet->destination, address(to));
    EXPECT_EQ(packet->protocol, kTcp);
    EXPECT_EQ(packet->source_port, 40001);
    EXPECT_EQ(packet->destination_port, 8443);
    EXPECT_EQ(packet->tcp_flags, kTcpAck | kTcpFin);
    EXPECT_EQ(packet->sequence, 0xfedcba98);
    EXPECT_EQ(packet->acknowledgement, 0x89abcdef);
    EXPECT_EQ(packet->data_length, 5U);
    EXPECT_TRUE(packet->is_whole);
    EXPECT_FALSE(packet->is_fragment || packet->has_options);
  }
}

TEST(Packet, ReadsUdpAndIcmp) {
  const auto datagram = sample::udp(kBox6, kPeer6, 1234, 53);
  EXPECT_EQ(parse_packet(datagram)->source_port, 1234);
  EXPECT_EQ(parse_packet(datagram)->destination_port, 53);
  const auto ping = sample::icmp(kBox4, kPeer4, 8, 3);
  EXPECT_EQ(parse_packet(ping)->icmp_type, 8);
  EXPECT_EQ(parse_packet(ping)->icmp_code, 3);
  EXPECT_TRUE(parse_packet(ping)->is_whole);
}

TEST(Packet, FindsTheTransportBehindOptions) {
  const auto bytes = sample::ip(kBox4, kPeer4, kUdp, sample::udp_payload(7, 9), 0, Bytes(40, 1));
  const auto packet = parse_packet(bytes);
  ASSERT_TRUE(packet);
  EXPECT_TRUE(packet->has_options);
  EXPECT_EQ(packet->header_length, 60U);
  EXPECT_EQ(packet->destination_port, 9);
}

TEST(Packet, ReadsNoPortsFromALaterFragment) {
  const auto first = sample::ip(kBox4, kPeer4, kUdp, sample::udp_payload(7, 9), 0x2000);
  EXPECT_TRUE(parse_packet(first)->is_fragment);
  EXPECT_FALSE(parse_packet(first)->is_later_fragment);
  EXPECT_EQ(parse_packet(first)->destination_port, 9);
  for (const auto field : std::to_array<std::uint16_t>({0x2001, 0x0001, 0x1fff, 0x1000})) {
    const auto bytes = sample::ip(kBox4, kPeer4, kUdp, sample::udp_payload(7, 9), field);
    const auto later = parse_packet(bytes);
    EXPECT_TRUE(later->is_later_fragment) << field;
    EXPECT_EQ(later->destination_port, 0);
    EXPECT_FALSE(later->is_whole);
  }
  const auto unfragmented = sample::ip(kBox4, kPeer4, kUdp, sample::udp_payload(7, 9), 0x4000);
  EXPECT_FALSE(parse_packet(unfragmented)->is_fragment) << "\"don't fragment\" makes no fragment";
}

TEST(Packet, KnowsLaterFragmentsOfIPv6) {
  constexpr std::uint8_t kFragment = 44;
  const Bytes first{kUdp, 0, 0, 1, 0, 0, 0, 1, 'x'};
  const Bytes later{kUdp, 0, 0, 8, 0, 0, 0, 1, 'x'};
  const auto first_bytes = sample::ip(kBox6, kPeer6, kFragment, first);
  const auto later_bytes = sample::ip(kBox6, kPeer6, kFragment, later);
  EXPECT_TRUE(parse_packet(first_bytes)->is_fragment);
  EXPECT_FALSE(parse_packet(first_bytes)->is_later_fragment);
  EXPECT_TRUE(parse_packet(later_bytes)->is_later_fragment);
}

TEST(Packet, IsWholeOnlyWithItsWholeTransportHeader) {
  auto segment = sample::tcp_payload({.options = 8});
  const auto whole = sample::ip(kBox4, kPeer4, kTcp, segment);
  EXPECT_TRUE(parse_packet(whole)->is_whole);
  for (std::size_t size = 0; size < segment.size(); ++size) {
    const auto cut =
        sample::ip(kBox4, kPeer4, kTcp, Bytes(segment.begin(), segment.begin() + static_cast<long>(size)));
    EXPECT_FALSE(parse_packet(cut)->is_whole) << size;
    EXPECT_EQ(parse_packet(cut)->destination_port, 0) << size;
  }
  segment[12] = 4 << 4;
  const auto short_header = sample::ip(kBox4, kPeer4, kTcp, segment);
  EXPECT_FALSE(parse_packet(short_header)->is_whole) << "a data offset inside the fixed header";
}

TEST(Packet, RefusesWhatIsNotExactlyOnePacket) {
  const auto good4 = sample::tcp(kBox4, kPeer4);
  const auto good6 = sample::tcp(kBox6, kPeer6);
  for (const Bytes& good : {good4, good6}) {
    auto longer = good;
    longer.push_back(0);
    EXPECT_FALSE(parse_packet(longer)) << "bytes behind it";
    for (std::size_t size = 0; size < good.size(); ++size)
      EXPECT_FALSE(parse_packet(std::span(good).first(size))) << size;
    for (unsigned version = 0; version < 16; ++version) {
      auto other = good;
      other[0] = static_cast<std::uint8_t>((version << 4) | (good[0] & 0xfU));
      EXPECT_EQ(parse_packet(other).has_value(), other == good) << version;
    }
  }
  auto short_header = good4;
  short_header[0] = 0x44;
  EXPECT_FALSE(parse_packet(short_header));
  auto long_header = sample::ip(kBox4, kPeer4, kUdp, {});
  long_header[0] = 0x46;
  EXPECT_FALSE(parse_packet(long_header));
}

TEST(Packet, TellsWhatAnErrorIsAbout) {
  const auto about4 = sample::udp(kBox4, kPeer4);
  const auto about6 = sample::udp(kBox6, kPeer6);
  for (const auto type : std::to_array<std::uint8_t>({3, 4, 11, 12})) {
    const auto error = sample::icmp("198.51.100.2", kBox4, type, 0, about4);
    EXPECT_EQ(quoted_destination(*parse_packet(error)), address(kPeer4)) << int{type};
  }
  for (const auto type : std::to_array<std::uint8_t>({1, 2, 3, 4})) {
    const auto error = sample::icmp("fd00::2", kBox6, type, 0, about6);
    EXPECT_EQ(quoted_destination(*parse_packet(error)), address(kPeer6)) << int{type};
  }
}

TEST(Packet, TellsNothingOfWhatIsNoError) {
  const auto about4 = sample::udp(kBox4, kPeer4);
  const auto about6 = sample::udp(kBox6, kPeer6);
  for (const auto type : std::to_array<std::uint8_t>({0, 5, 8, 9, 10, 13})) {
    const auto other = sample::icmp("198.51.100.2", kBox4, type, 0, about4);
    EXPECT_FALSE(quoted_destination(*parse_packet(other))) << int{type};
  }
  const auto echo = sample::icmp("fd00::2", kBox6, 129, 0, about6);
  EXPECT_FALSE(quoted_destination(*parse_packet(echo)));
  const auto crossed = sample::icmp("198.51.100.2", kBox4, 3, 0, about6);
  EXPECT_FALSE(quoted_destination(*parse_packet(crossed))) << "the other family";
  const auto datagram = sample::udp(kPeer4, kBox4);
  EXPECT_FALSE(quoted_destination(*parse_packet(datagram)));
}

/// Everything that reads a packet, on bytes that end at an unreadable page.
void read_all_of(std::span<const std::uint8_t> bytes, sample::GuardedPlace& place) {
  const auto packet = parse_packet(place.put(bytes));
  if (!packet) return;
  [[maybe_unused]] const auto quoted = quoted_destination(*packet);
  std::array<std::uint8_t, kMaxRefusal> out{};
  EXPECT_LE(write_refusal(*packet, out), kMaxRefusal);
}

TEST(Packet, IsNeverReadBeyondItsEnd) {
  const auto about4 = sample::udp(kBox4, kPeer4);
  const auto about6 = sample::udp(kBox6, kPeer6);
  const std::vector<Bytes> samples{
      sample::tcp(kBox4, kPeer4, {.data = 3, .options = 20}),
      sample::tcp(kBox6, kPeer6, {.data = 3, .options = 20}),
      sample::udp(kBox4, kPeer4),
      sample::udp(kBox6, kPeer6),
      sample::icmp("198.51.100.2", kBox4, 3, 1, about4),
      sample::icmp("fd00::2", kBox6, 1, 1, about6),
      sample::ip(kBox6, kPeer6, 44, Bytes(20, 0)),
      sample::ip(kBox4, kPeer4, kTcp, sample::tcp_payload({}), 0, Bytes(40, 1)),
  };
  sample::GuardedPlace place;
  for (const Bytes& sample : samples) {
    for (std::size_t size = 0; size <= sample.size(); ++size) {
      Bytes cut(sample.begin(), sample.begin() + static_cast<long>(size));
      read_all_of(cut, place);
      if (size < 6) continue;
      // The same with a length that fits, or the first check would hide all others.
      const bool v4 = cut[0] >> 4 == 4;
      const std::size_t length = v4 ? size : size - std::min<std::size_t>(size, 40);
      cut[v4 ? 2 : 4] = static_cast<std::uint8_t>(length >> 8);
      cut[v4 ? 3 : 5] = static_cast<std::uint8_t>(length);
      read_all_of(cut, place);
    }
  }
}

TEST(Packet, IsReadWhateverItsBytesAre) {
  std::mt19937 random(1);
  sample::GuardedPlace place;
  for (int round = 0; round < 20000; ++round) {
    const bool v4 = random() % 2 == 0;
    Bytes bytes((v4 ? 20 : 40) + random() % 80);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    const std::size_t length = v4 ? bytes.size() : bytes.size() - 40;
    bytes[0] = static_cast<std::uint8_t>(v4 ? 0x40 + random() % 16 : 0x60);
    bytes[v4 ? 2 : 4] = 0;
    bytes[v4 ? 3 : 5] = static_cast<std::uint8_t>(length);
    constexpr std::array<std::uint8_t, 6> kProtocols{kTcp, kUdp, kIcmp, kIcmpV6, 44, 0};
    bytes[v4 ? 9 : 6] = kProtocols[random() % kProtocols.size()];
    read_all_of(bytes, place);
  }
}

}  // namespace
}  // namespace claudebox::net
