#include "net/special_purpose.h"

#include <gmock/gmock.h>

#include "sample_packets.h"

namespace claudebox::net {
namespace {

using sample::address;

TEST(SpecialPurpose, DeniesTheFirstAndTheLastAddressOfEachRange) {
  const std::vector<std::pair<const char*, const char*>> ranges{
      {"0.0.0.0", "0.255.255.255"},
      {"10.0.0.0", "10.255.255.255"},
      {"100.64.0.0", "100.127.255.255"},
      {"127.0.0.0", "127.255.255.255"},
      {"168.63.129.16", "168.63.129.16"},
      {"169.254.0.0", "169.254.255.255"},
      {"172.16.0.0", "172.31.255.255"},
      {"192.0.0.0", "192.0.0.255"},
      {"192.0.2.0", "192.0.2.255"},
      {"192.31.196.0", "192.31.196.255"},
      {"192.52.193.0", "192.52.193.255"},
      {"192.88.99.0", "192.88.99.255"},
      {"192.168.0.0", "192.168.255.255"},
      {"192.175.48.0", "192.175.48.255"},
      {"198.18.0.0", "198.19.255.255"},
      {"198.51.100.0", "198.51.100.255"},
      {"203.0.113.0", "203.0.113.255"},
      {"224.0.0.0", "239.255.255.255"},
      {"240.0.0.0", "255.255.255.255"},
      {"::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"},
      {"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
  };
  for (const auto& [first, last] : ranges) {
    EXPECT_TRUE(special_purpose(address(first))) << first;
    EXPECT_TRUE(special_purpose(address(last))) << last;
  }
}

TEST(SpecialPurpose, LeavesTheNeighboursOfEachRangeAlone) {
  for (const char* text :
       {"1.0.0.0",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255",  "100.128.0.0",
        "126.255.255.255", "128.0.0.0",       "168.63.129.15",   "168.63.129.17",   "169.253.255.255",
        "169.255.0.0",     "172.15.255.255",  "172.32.0.0",      "191.255.255.255", "192.0.1.0",
        "192.0.3.0",       "192.31.195.255",  "192.31.197.0",    "192.52.192.255",  "192.52.194.0",
        "192.88.98.255",   "192.88.100.0",    "192.167.255.255", "192.169.0.0",     "192.175.47.255",
        "192.175.49.0",    "198.17.255.255",  "198.20.0.0",      "198.51.99.255",   "198.51.101.0",
        "203.0.112.255",   "203.0.114.0",     "223.255.255.255", "8.8.8.8",         "2000::",
        "2001:200::",      "2001:db7:ffff::", "2001:db9::",      "2003::",          "2620:4f:7fff::",
        "2620:4f:8001::",  "3ffe:ffff::",     "3fff:1000::",     "2606:4700::1111"})
    EXPECT_FALSE(special_purpose(address(text))) << text << ": " << special_purpose(address(text));
}

TEST(SpecialPurpose, SaysWhy) {
  EXPECT_STREQ(special_purpose(address("192.168.1.1")), "private");
  EXPECT_STREQ(special_purpose(address("fd00::1")), "private");
  EXPECT_STREQ(special_purpose(address("169.254.169.254")), "cloud metadata");
  EXPECT_STREQ(special_purpose(address("169.254.1.1")), "link-local");
  EXPECT_STREQ(special_purpose(address("255.255.255.255")), "broadcast");
  EXPECT_STREQ(special_purpose(address("::ffff:8.8.8.8")), "IPv6 that embeds IPv4");
  EXPECT_STREQ(special_purpose(address("4000::1")), "not global unicast");
}

TEST(SpecialPurpose, KnowsMetadataServicesInEveryForm) {
  for (const char* text : {"169.254.169.254", "169.254.170.2", "169.254.170.23", "168.63.129.16",
                           "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
                           "::ffff:169.254.169.254", "::169.254.169.254", "64:ff9b::169.254.169.254",
                           "64:ff9b:1::169.254.169.254", "2002:a9fe:a9fe::1", "::ffff:168.63.129.16"})
    EXPECT_TRUE(is_metadata(address(text))) << text;
  for (const char* text : {"169.254.169.255", "168.63.129.17", "fd00:ec2::255", "::ffff:8.8.8.8",
                           "2002:a9fe:a9ff::1", "2a00::a9fe:a9fe", "::ffff:0:169.254.169.254"})
    EXPECT_FALSE(is_metadata(address(text))) << text;
}

TEST(SpecialPurpose, FindsMetadataServicesInPrefixes) {
  for (const char* text : {"169.254.169.254", "169.254.0.0/16", "168.0.0.0/8", "fd00:ec2::/32",
                           "fd00:ec2::254", "fc00::/7", "::/0"})
    EXPECT_TRUE(holds_metadata(Prefix::parse(text).value())) << text;
  for (const char* text : {"169.254.169.255", "10.0.0.0/8", "fd00:1::/32", "fd00:ec2::255"})
    EXPECT_FALSE(holds_metadata(Prefix::parse(text).value())) << text;
}

TEST(SpecialPurpose, KnowsWhatEmbedsIPv4) {
  for (const char* text : {"::ffff:1.2.3.4", "::1.2.3.4", "64:ff9b::1.2.3.4", "64:ff9b:1::1.2.3.4",
                           "2002:102:304::", "2001:0:102:304::"})
    EXPECT_TRUE(embeds_v4(address(text))) << text;
  for (const char* text :
       {"1.2.3.4", "2001:db8::1", "2001:1::1", "fd00::1", "::fffe:1.2.3.4", "64:ff9a::1.2.3.4"})
    EXPECT_FALSE(embeds_v4(address(text))) << text;
}

TEST(SpecialPurpose, KnowsGroups) {
  for (const char* text : {"224.0.0.1", "239.255.255.250", "255.255.255.255", "ff02::1", "ff05::1:3"})
    EXPECT_TRUE(is_group(address(text))) << text;
  for (const char* text : {"223.255.255.255", "240.0.0.1", "255.255.255.254", "fe80::1", "8.8.8.8"})
    EXPECT_FALSE(is_group(address(text))) << text;
}

}  // namespace
}  // namespace claudebox::net
