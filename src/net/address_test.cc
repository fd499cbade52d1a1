#include "net/address.h"

#include <gmock/gmock.h>

namespace claudebox::net {
namespace {

TEST(Address, ReadsWhatInetPtonReadsAndNothingElse) {
  for (const char* text : {"0.0.0.0", "255.255.255.255", "::", "2001:db8::1", "::ffff:1.2.3.4"})
    EXPECT_EQ(Address::parse(text)->to_string(), text);
  for (const char* text :
       {"", "1.2.3", "0177.0.0.1", "2130706433", "fe80::1%eth0", "1.2.3.4 ", "::1::", "a.b"})
    EXPECT_FALSE(Address::parse(text)) << text;
  EXPECT_FALSE(Address::parse(std::string_view("1.2.3.4\0x", 9)));
}

TEST(Address, KeepsMappedAddressesApart) {
  EXPECT_NE(*Address::parse("::ffff:1.2.3.4"), *Address::parse("1.2.3.4"));
  EXPECT_FALSE(Address::parse("::ffff:1.2.3.4")->is_v4());
}

TEST(Prefix, ClearsTheBitsBehindItsLength) {
  EXPECT_EQ(Prefix::parse("10.1.2.3/9")->to_string(), "10.0.0.0/9");
  EXPECT_EQ(Prefix::parse("2001:db8:ffff::1/33")->to_string(), "2001:db8:8000::/33");
  EXPECT_EQ(Prefix::parse("10.1.2.3")->to_string(), "10.1.2.3/32");
  EXPECT_EQ(Prefix::parse("::1")->to_string(), "::1/128");
  EXPECT_EQ(Prefix::parse("1.2.3.4/0")->to_string(), "0.0.0.0/0");
  for (const char* text :
       {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "::/129", "/8", "10.0.0.0/99999999999"})
    EXPECT_FALSE(Prefix::parse(text)) << text;
}

TEST(Prefix, ContainsByBits) {
  const auto nine = *Prefix::parse("10.128.0.0/9");
  EXPECT_TRUE(nine.contains(*Address::parse("10.255.255.255")));
  EXPECT_FALSE(nine.contains(*Address::parse("10.127.255.255")));
  EXPECT_TRUE(Prefix::parse("0.0.0.0/0")->contains(*Address::parse("8.8.8.8")));
  EXPECT_FALSE(Prefix::parse("0.0.0.0/0")->contains(*Address::parse("::1"))) << "the other family";
  EXPECT_TRUE(Prefix::parse("2001:db8::/32")->contains(*Address::parse("2001:db8:ffff::")));
}

TEST(Prefix, OverlapsEitherWay) {
  EXPECT_TRUE(Prefix::parse("10.0.0.0/8")->overlaps(*Prefix::parse("10.1.0.0/16")));
  EXPECT_TRUE(Prefix::parse("10.1.0.0/16")->overlaps(*Prefix::parse("10.0.0.0/8")));
  EXPECT_FALSE(Prefix::parse("10.1.0.0/16")->overlaps(*Prefix::parse("10.2.0.0/16")));
}

}  // namespace
}  // namespace claudebox::net
