#include "net/special_purpose.h"

#include <gmock/gmock.h>

namespace claudebox::net {
namespace {

Address address(const char* text) {
  return *Address::parse(text);
}

TEST(SpecialPurpose, RefusesBothEndsOfEveryRange) {
  for (const char* text : {"0.0.0.0",
                           "0.255.255.255",
                           "10.0.0.0",
                           "10.255.255.255",
                           "100.64.0.0",
                           "100.127.255.255",
                           "127.0.0.1",
                           "169.254.0.0",
                           "169.254.255.255",
                           "172.16.0.0",
                           "172.31.255.255",
                           "168.63.129.16",
                           "192.0.0.0",
                           "192.0.2.255",
                           "192.31.196.1",
                           "192.52.193.1",
                           "192.88.99.1",
                           "192.168.0.0",
                           "192.168.255.255",
                           "192.175.48.1",
                           "198.18.0.0",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.0",
                           "239.255.255.255",
                           "240.0.0.0",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::a00:1",
                           "::ffff:8.8.8.8",
                           "64:ff9b::808:808",
                           "64:ff9b:1::1",
                           "100::1",
                           "2001::1",
                           "2001:1ff::1",
                           "2001:db8::1",
                           "2002:808:808::1",
                           "3fff::1",
                           "3fff:fff::1",
                           "4000::1",
                           "5f00::1",
                           "fc00::1",
                           "fd00:ec2::254",
                           "fe80::1",
                           "fec0::1",
                           "ff02::1"})
    EXPECT_NE(special_purpose(address(text)), nullptr) << text;
}

TEST(SpecialPurpose, LeavesWhatIsJustBesideThem) {
  for (const char* text :
       {"1.0.0.0",         "9.255.255.255",  "11.0.0.0",        "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.0",      "169.253.255.255", "169.255.0.0",    "172.15.255.255",
        "172.32.0.0",      "168.63.129.15",  "192.0.1.0",       "192.0.3.0",      "192.167.255.255",
        "192.169.0.0",     "198.17.255.255", "198.20.0.0",      "203.0.112.255",  "203.0.114.0",
        "223.255.255.255", "2001:200::1",    "2001:db7::1",     "2001:db9::1",    "2003::1",
        "2a00::1",         "3ffe::1",        "3fff:1000::1"})
    EXPECT_EQ(special_purpose(address(text)), nullptr) << text;
}

TEST(SpecialPurpose, KnowsMetadataAlsoInDisguise) {
  for (const char* text :
       {"169.254.169.254", "168.63.129.16", "100.100.100.200", "fd00:ec2::254", "::ffff:169.254.169.254"})
    EXPECT_TRUE(is_metadata(address(text))) << text;
  EXPECT_FALSE(is_metadata(address("169.254.169.253")));
}

TEST(SpecialPurpose, KnowsGroups) {
  for (const char* text : {"224.0.0.1", "239.255.255.250", "255.255.255.255", "ff02::1"})
    EXPECT_TRUE(is_group(address(text))) << text;
  for (const char* text : {"223.0.0.1", "240.0.0.1", "255.255.255.254", "fe80::1"})
    EXPECT_FALSE(is_group(address(text))) << text;
}

}  // namespace
}  // namespace claudebox::net
