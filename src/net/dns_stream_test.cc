#include "net/dns_stream.h"

#include <gmock/gmock.h>

namespace claudebox::net {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(DnsStream, GivesWholeMessagesHoweverTheyCome) {
  DnsStream stream;
  Bytes bytes = framed(Bytes{1, 2, 3});
  for (const auto byte : framed(Bytes{})) bytes.push_back(byte);
  for (const auto byte : framed(Bytes{4})) bytes.push_back(byte);
  std::vector<Bytes> messages;
  for (const auto byte : bytes) {
    stream.append(std::span(&byte, 1));
    while (auto message = stream.next()) messages.push_back(std::move(*message));
  }
  EXPECT_THAT(messages, ::testing::ElementsAre(Bytes{1, 2, 3}, Bytes{}, Bytes{4}));
  EXPECT_EQ(stream.size(), 0);
  stream.append(bytes);
  EXPECT_EQ(stream.next(), Bytes({1, 2, 3}));
  EXPECT_EQ(stream.next(), Bytes());
  EXPECT_EQ(stream.size(), 3);
}

TEST(DnsStream, TakesTheLongestMessageAndNoLonger) {
  DnsStream stream;
  const auto longest = framed(Bytes(kMaxDnsMessage + 1, 7));
  EXPECT_EQ(longest.size(), kMaxFramed);
  stream.append(std::span(longest).first(kMaxFramed - 1));
  EXPECT_FALSE(stream.next());
  stream.append(std::span(longest).last(1));
  EXPECT_EQ(stream.next(), Bytes(kMaxDnsMessage, 7));
}

}  // namespace
}  // namespace claudebox::net
