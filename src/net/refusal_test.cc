#include "net/refusal.h"

#include <gmock/gmock.h>

#include "sample_packets.h"

namespace claudebox::net {
namespace {

using sample::address;
using sample::Bytes;
using ::testing::ElementsAreArray;

constexpr const char* kBox4 = "198.51.100.100";
constexpr const char* kBox6 = "fd00::100";
constexpr const char* kPeer4 = "192.168.77.20";
constexpr const char* kPeer6 = "2001:db8:77::20";

/// The answer to a packet; empty where there is none. The buffer is dirty before, as the gateway's is.
Bytes answer_to(const Bytes& bytes) {
  std::array<std::uint8_t, kMaxRefusal> out;
  out.fill(0xee);
  const std::size_t length = write_refusal(parse_packet(bytes).value(), out);
  return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(length)};
}

void expect_header(const Bytes& answer, const char* from, const char* to, std::uint8_t protocol) {
  const auto packet = parse_packet(answer);
  ASSERT_TRUE(packet) << "its length is what its header says";
  EXPECT_EQ(packet->source, address(from));
  EXPECT_EQ(packet->destination, address(to));
  EXPECT_EQ(packet->protocol, protocol);
  EXPECT_FALSE(packet->is_fragment || packet->has_options);
  EXPECT_TRUE(packet->is_whole);
  const bool v4 = packet->source.is_v4();
  EXPECT_EQ(answer[v4 ? 8 : 7], 64) << "hops";
  if (!v4) return;
  EXPECT_EQ(sample::ones_sum(Bytes(answer.begin(), answer.begin() + 20)), 0xffffU);
}

TEST(Refusal, OfSynAndDatagramsIsAdministrativelyProhibitedInIPv4) {
  for (const auto& offender : {sample::tcp(kBox4, kPeer4), sample::udp(kBox4, kPeer4),
                               sample::icmp(kBox4, kPeer4, 8), sample::ip(kBox4, kPeer4, 47, Bytes(9, 1))}) {
    const auto answer = answer_to(offender);
    expect_header(answer, kPeer4, kBox4, kIcmp);
    EXPECT_EQ(answer[20], 3);
    EXPECT_EQ(answer[21], 13);
    EXPECT_THAT(std::span(answer).subspan(24, 4), ElementsAreArray({0, 0, 0, 0}));
    EXPECT_THAT(std::span(answer).subspan(28), ElementsAreArray(offender))
        << "small enough to be quoted whole";
    EXPECT_EQ(sample::ones_sum(Bytes(answer.begin() + 20, answer.end())), 0xffffU);
  }
}

TEST(Refusal, OfSynAndDatagramsIsAdministrativelyProhibitedInIPv6) {
  for (const auto& offender :
       {sample::tcp(kBox6, kPeer6), sample::udp(kBox6, kPeer6), sample::icmp(kBox6, kPeer6, 128),
        sample::ip(kBox6, kPeer6, 43, Bytes(9, 1))}) {
    const auto answer = answer_to(offender);
    expect_header(answer, kPeer6, kBox6, kIcmpV6);
    EXPECT_EQ(answer[40], 1);
    EXPECT_EQ(answer[41], 1);
    EXPECT_THAT(std::span(answer).subspan(44, 4), ElementsAreArray({0, 0, 0, 0}));
    EXPECT_THAT(std::span(answer).subspan(48), ElementsAreArray(offender));
    EXPECT_EQ(sample::transport_sum(answer, kIcmpV6), 0xffffU);
  }
}

TEST(Refusal, QuotesNoMoreThanItMay) {
  const auto long4 = sample::ip(kBox4, kPeer4, kUdp, sample::udp_payload(1, 2, 3001));
  EXPECT_EQ(answer_to(long4).size(), 20U + 8 + 20 + 64);
  const auto options = sample::ip(kBox4, kPeer4, kUdp, sample::udp_payload(1, 2, 3001), 0, Bytes(40, 1));
  EXPECT_EQ(answer_to(options).size(), 20U + 8 + 60 + 64);
  const auto long6 = sample::ip(kBox6, kPeer6, kUdp, sample::udp_payload(1, 2, 3001));
  const auto answer = answer_to(long6);
  EXPECT_EQ(answer.size(), 1280U) << "RFC 4443 section 2.4 (c)";
  EXPECT_EQ(sample::transport_sum(answer, kIcmpV6), 0xffffU);
}

TEST(Refusal, HasARightChecksumAtEverySize) {
  for (std::size_t data = 0; data < 100; ++data) {
    const auto four = answer_to(sample::ip(kBox4, kPeer4, kUdp, sample::udp_payload(1, 2, data)));
    EXPECT_EQ(sample::ones_sum(Bytes(four.begin() + 20, four.end())), 0xffffU) << data;
    const auto six = answer_to(sample::ip(kBox6, kPeer6, kUdp, sample::udp_payload(1, 2, data)));
    EXPECT_EQ(sample::transport_sum(six, kIcmpV6), 0xffffU) << data;
  }
}

TEST(Refusal, OfAnEstablishedConnectionIsAResetThatItBelieves) {
  for (const auto& [box, peer] : {std::pair{kBox4, kPeer4}, std::pair{kBox6, kPeer6}}) {
    const auto answer = answer_to(sample::tcp(box, peer,
                                              {.from = 40001,
                                               .to = 443,
                                               .flags = kTcpAck,
                                               .sequence = 7,
                                               .acknowledgement = 0xfffffff0,
                                               .data = 100}));
    expect_header(answer, peer, box, kTcp);
    const auto reset = parse_packet(answer);
    EXPECT_EQ(reset->source_port, 443);
    EXPECT_EQ(reset->destination_port, 40001);
    EXPECT_EQ(reset->tcp_flags, kTcpRst);
    EXPECT_EQ(reset->sequence, 0xfffffff0);
    EXPECT_EQ(reset->data_length, 0U);
    EXPECT_EQ(sample::transport_sum(answer, kTcp), 0xffffU);
  }
}

TEST(Refusal, IsNotWrittenWhereNoAnswerIsAllowed) {
  const std::vector<std::pair<const char*, Bytes>> silent{
      {"IPv4 multicast", sample::udp(kBox4, "239.255.255.250")},
      {"IPv4 broadcast", sample::udp(kBox4, "255.255.255.255")},
      {"IPv6 multicast", sample::udp(kBox6, "ff02::fb")},
      {"a later fragment", sample::ip(kBox4, kPeer4, kUdp, Bytes(8, 1), 1)},
      {"a later fragment of IPv6", sample::ip(kBox6, kPeer6, 44, Bytes{kUdp, 0, 0, 8, 0, 0, 0, 1})},
      {"RST", sample::tcp(kBox4, kPeer4, {.flags = kTcpRst})},
      {"RST and ACK", sample::tcp(kBox6, kPeer6, {.flags = kTcpRst | kTcpAck})},
      {"TCP that is too short", sample::ip(kBox4, kPeer4, kTcp, Bytes(19, 1))},
      {"an error", sample::icmp(kBox4, kPeer4, 3)},
      {"an echo reply", sample::icmp(kBox4, kPeer4, 0)},
      {"an IPv6 error", sample::icmp(kBox6, kPeer6, 1)},
      {"an unknown IPv6 error", sample::icmp(kBox6, kPeer6, 127)},
      {"ICMP that is too short", sample::ip(kBox4, kPeer4, kIcmp, Bytes(7, 8))},
      {"ICMPv6 that is too short", sample::ip(kBox6, kPeer6, kIcmpV6, Bytes(7, 128))},
  };
  for (const auto& [what, bytes] : silent) EXPECT_TRUE(answer_to(bytes).empty()) << what;
}

TEST(Refusal, AnswersReservedAddresses) {
  EXPECT_FALSE(answer_to(sample::tcp(kBox4, "240.0.0.1")).empty()) << "a connect there would time out";
}

TEST(Reset, CarriesExactlyWhatItIsGiven) {
  for (const auto& [from, to] : {std::pair{kBox4, kPeer4}, std::pair{kPeer6, kBox6}}) {
    std::array<std::uint8_t, kMaxRefusal> out;
    out.fill(0xee);
    const std::size_t length = write_reset({.source = address(from),
                                            .destination = address(to),
                                            .source_port = 1,
                                            .destination_port = 2,
                                            .sequence = 0x80000001,
                                            .acknowledgement = 0xfffffffe},
                                           out);
    const Bytes bytes(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(length));
    expect_header(bytes, from, to, kTcp);
    const auto reset = parse_packet(bytes);
    EXPECT_EQ(reset->tcp_flags, kTcpRst | kTcpAck);
    EXPECT_EQ(reset->sequence, 0x80000001);
    EXPECT_EQ(reset->acknowledgement, 0xfffffffe);
    EXPECT_EQ(reset->source_port, 1);
    EXPECT_EQ(reset->destination_port, 2);
    EXPECT_EQ(sample::transport_sum(bytes, kTcp), 0xffffU);
  }
}

TEST(Reset, NeedsBothEndsInOneFamily) {
  std::array<std::uint8_t, kMaxRefusal> out{};
  EXPECT_EQ(write_reset({.source = address(kBox4), .destination = address(kPeer6)}, out), 0U);
}

}  // namespace
}  // namespace claudebox::net
