#include "gateway/control.h"

#include <gmock/gmock.h>

namespace claudebox::gateway {
namespace {

const net::Address kFour = *net::Address::parse("198.51.100.7");
const net::Address kSix = *net::Address::parse("2001:db8::7");

std::vector<Message> one_of_each() {
  return {
      Configure{.rules = {.allowlist = true,
                          .box_v4 = kFour,
                          .box_v6 = kSix,
                          .lan = {{.prefix = *net::Prefix::parse("10.1.0.0/16"), .port = 3128}}},
                .names = {{.pattern = "*.example.org"}, {.pattern = "db.corp", .lan = true, .port = 5432}}},
      HostPrefixes{.prefixes = {{.prefix = net::Prefix::host(kSix), .kind = net::HostPrefix::Kind::route}},
                   .more = true},
      Grants{.grants = {{.address = kFour, .port = 1, .lan = true}}},
      SlirpSocket{},
      Upstream{.id = 0xfffffffe},
      Confined{},
      WantUpstream{.id = 7, .attempt = 2, .tcp = true},
      Granted{.grant = {.address = kSix}},
      LookedUp{.name = "a\nb", .type = 65, .result = LookedUp::Result::failed, .addresses = {kFour, kSix}},
      Denied{.protocol = 6, .address = kFour, .port = 22, .reason = "private", .incoming = true, .count = 3},
      Reached{.protocol = 17, .address = kSix, .port = 53, .out = 1ULL << 40, .in = 5},
      SlirpLost{}};
}

TEST(Control, ReadsWhatItWrites) {
  for (const auto& message : one_of_each()) {
    const auto read = decode(encode(message));
    ASSERT_TRUE(read) << message.index();
    EXPECT_TRUE(*read == message) << message.index();
  }
}

TEST(Control, RefusesWhatIsCutOrLonger) {
  for (const auto& message : one_of_each()) {
    auto bytes = encode(message);
    for (std::size_t length = 0; length < bytes.size(); ++length)
      EXPECT_FALSE(decode(std::span(bytes).first(length))) << message.index() << " cut to " << length;
    bytes.push_back(0);
    EXPECT_FALSE(decode(bytes)) << message.index();
  }
}

TEST(Control, RefusesValuesThatNoWriterMakes) {
  EXPECT_FALSE(decode(std::vector<std::uint8_t>{200})) << "an unknown kind";
  auto bytes = encode(Upstream{});
  bytes[0] = static_cast<std::uint8_t>(Message(LookedUp{}).index());
  EXPECT_FALSE(decode(bytes)) << "another kind's fields";
  auto looked_up = encode(LookedUp{.name = "x"});
  looked_up[6] = 99;
  EXPECT_FALSE(decode(looked_up)) << "a result that is none";
  auto granted = encode(Granted{.grant = {.address = kFour}});
  granted[1] = 5;
  EXPECT_FALSE(decode(granted)) << "an address of five bytes";
  auto wanted = encode(WantUpstream{});
  wanted.back() = 2;
  EXPECT_FALSE(decode(wanted)) << "a truth value that is neither";
}

TEST(Control, SaysSoWhereAMessageIsTooLong) {
  EXPECT_ANY_THROW(encode(LookedUp{.name = std::string(70000, 'a')}));
  EXPECT_ANY_THROW(encode(Grants{.grants = std::vector<net::Grant>(5000)}));
}

}  // namespace
}  // namespace claudebox::gateway
