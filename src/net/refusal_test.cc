#include "net/refusal.h"

#include <gmock/gmock.h>

#include <array>

#include "net/made_packets.h"

namespace claudebox::net {
namespace {

using testing::icmp;
using testing::ip;
using testing::tcp;
using testing::udp;

using Buffer = std::array<std::uint8_t, kMaxRefusal>;

std::vector<std::uint8_t> refusal(const std::vector<std::uint8_t>& bytes) {
  Buffer out;
  const std::size_t length = write_refusal(*parse_packet(bytes), out);
  return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(length)};
}

/// RFC 1071 by another way than the code's: the sum with its checksum in place is all ones.
bool sums_to_ones(std::vector<std::uint8_t> bytes) {
  if (bytes.size() % 2 != 0) bytes.push_back(0);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2)
    sum += static_cast<std::uint64_t>(bytes[i]) * 256 + bytes[i + 1];
  while (sum > 0xffff) sum = sum % 0x10000 + sum / 0x10000;
  return sum == 0xffff;
}

/// Header of IPv4 and the transport's checksum.
bool checksums_hold(const std::vector<std::uint8_t>& bytes) {
  const auto packet = parse_packet(bytes);
  if (!packet) return false;
  const auto payload = packet->bytes.subspan(packet->header_length);
  std::vector<std::uint8_t> whole(payload.begin(), payload.end());
  if (packet->source.is_v4() && !sums_to_ones({bytes.begin(), bytes.begin() + 20})) return false;
  if (packet->protocol == kIcmp) return sums_to_ones(whole);
  std::vector<std::uint8_t> pseudo(packet->source.bytes().begin(), packet->source.bytes().end());
  pseudo.insert(pseudo.end(), packet->destination.bytes().begin(), packet->destination.bytes().end());
  pseudo.insert(pseudo.end(), {0, 0, static_cast<std::uint8_t>(whole.size() >> 8),
                               static_cast<std::uint8_t>(whole.size() & 0xff), 0, 0, 0, packet->protocol});
  pseudo.insert(pseudo.end(), whole.begin(), whole.end());
  return sums_to_ones(pseudo);
}

TEST(Refusal, TellsASynThatItIsProhibited) {
  for (const auto& [from, to] : {std::pair("45.1.1.1", "10.0.0.1"), std::pair("2a00::1", "fd00::1")}) {
    const auto bytes = tcp(from, to);
    const auto answer = refusal(bytes);
    const auto packet = parse_packet(answer);
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->source, *Address::parse(to));
    EXPECT_EQ(packet->destination, *Address::parse(from));
    EXPECT_EQ(packet->icmp_type, packet->source.is_v4() ? 3 : 1);
    EXPECT_EQ(packet->icmp_code, packet->source.is_v4() ? 13 : 1);
    EXPECT_EQ(quoted_destination(*packet), Address::parse(to));
    EXPECT_TRUE(checksums_hold(answer));
  }
}

TEST(Refusal, ResetsAnEstablishedConnection) {
  for (const auto& [from, to] : {std::pair("45.1.1.1", "10.0.0.1"), std::pair("2a00::1", "fd00::1")}) {
    const auto answer =
        refusal(tcp(from, to, {.flags = kTcpAck, .sequence = 5, .acknowledgement = 77, .data = 9}));
    const auto packet = parse_packet(answer);
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->tcp_flags, kTcpRst);
    EXPECT_EQ(packet->sequence, 77U);
    EXPECT_EQ(packet->source_port, 80);
    EXPECT_EQ(packet->destination_port, 40000);
    EXPECT_TRUE(checksums_hold(answer));
  }
}

TEST(Refusal, QuotesNoMoreThanFits) {
  const auto v4 = refusal(ip("45.1.1.1", "10.0.0.1", kUdp, std::vector<std::uint8_t>(60000)));
  EXPECT_EQ(v4.size(), 20U + 8 + 20 + 64);
  const auto v6 = refusal(ip("2a00::1", "fd00::1", kUdp, std::vector<std::uint8_t>(60001)));
  EXPECT_EQ(v6.size(), kMaxRefusal);
  EXPECT_TRUE(checksums_hold(v4) && checksums_hold(v6));
}

TEST(Refusal, AnswersEchoesAndWhatIsNotCarried) {
  EXPECT_FALSE(refusal(icmp("45.1.1.1", "10.0.0.1", 8)).empty());
  EXPECT_FALSE(refusal(icmp("2a00::1", "fd00::1", 128)).empty());
  EXPECT_FALSE(refusal(ip("45.1.1.1", "10.0.0.1", 136, std::vector<std::uint8_t>(8))).empty()) << "UDP-Lite";
  EXPECT_FALSE(refusal(udp("45.1.1.1", "240.0.0.1")).empty()) << "reserved, and no group";
}

TEST(Refusal, NeverAnswersWhatMustNotBeAnswered) {
  auto later = udp("45.1.1.1", "10.0.0.1");
  later[7] = 1;
  for (const auto& bytes :
       {udp("45.1.1.1", "224.0.0.251"), udp("45.1.1.1", "255.255.255.255"), udp("2a00::1", "ff02::fb"),
        tcp("45.1.1.1", "10.0.0.1", {.flags = kTcpRst}),
        tcp("45.1.1.1", "10.0.0.1", {.flags = kTcpRst | kTcpAck}),
        ip("45.1.1.1", "10.0.0.1", kTcp, std::vector<std::uint8_t>(19)), icmp("45.1.1.1", "10.0.0.1", 3),
        icmp("45.1.1.1", "10.0.0.1", 0), icmp("2a00::1", "fd00::1", 1), later})
    EXPECT_TRUE(refusal(bytes).empty());
}

TEST(Refusal, WritesAResetThatEitherEndBelieves) {
  Buffer out;
  const ResetTarget target{.source = *Address::parse("45.1.1.1"),
                           .destination = *Address::parse("198.51.100.100"),
                           .source_port = 443,
                           .destination_port = 40000,
                           .sequence = 0xffffffff,
                           .acknowledgement = 3};
  const std::size_t length = write_reset(target, out);
  const std::vector<std::uint8_t> bytes(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(length));
  const auto packet = parse_packet(bytes);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->tcp_flags, kTcpRst | kTcpAck);
  EXPECT_EQ(packet->sequence, 0xffffffffU);
  EXPECT_TRUE(checksums_hold(bytes));
  auto mixed = target;
  mixed.source = *Address::parse("2a00::1");
  EXPECT_EQ(write_reset(mixed, out), 0U);
}

}  // namespace
}  // namespace claudebox::net
