#include "net/prefix_set.h"

#include <gmock/gmock.h>

#include <random>

#include "net/forget_oldest.h"
#include "sample_packets.h"

namespace claudebox::net {
namespace {

using sample::address;

PrefixSet set_of(std::initializer_list<const char*> texts) {
  std::vector<Prefix> prefixes;
  for (const char* text : texts) prefixes.push_back(Prefix::parse(text).value());
  return PrefixSet(std::move(prefixes));
}

TEST(PrefixSet, FindsAddressesAtTheEdges) {
  const auto set = set_of({"45.70.0.0/16", "45.80.10.0/24", "45.80.10.7", "2a0e::/32"});
  for (const char* text :
       {"45.70.0.0", "45.70.255.255", "45.80.10.0", "45.80.10.255", "2a0e::", "2a0e:0:ffff::"})
    EXPECT_TRUE(set.contains(address(text))) << text;
  for (const char* text : {"45.69.255.255", "45.71.0.0", "45.80.11.0", "0.0.0.0", "255.255.255.255",
                           "2a0d:ffff::", "2a0e:1::", "::", "ffff::"})
    EXPECT_FALSE(set.contains(address(text))) << text;
}

TEST(PrefixSet, LeavesOutWhatIsInsideAnother) {
  EXPECT_EQ(set_of({"45.80.10.7", "45.0.0.0/8", "45.80.0.0/16", "45.0.0.0/9", "45.0.0.0/8"}).size(), 1U);
  EXPECT_EQ(set_of({"45.0.0.0/9", "45.128.0.0/9"}).size(), 2U);
}

TEST(PrefixSet, KeepsTheFamiliesApart) {
  EXPECT_FALSE(set_of({"0.0.0.0/0"}).contains(address("::1")));
  EXPECT_FALSE(set_of({"::/0"}).contains(address("1.2.3.4")));
  EXPECT_TRUE(set_of({"::/0", "0.0.0.0/0"}).contains(address("1.2.3.4")));
  EXPECT_FALSE(PrefixSet().contains(address("1.2.3.4")));
}

TEST(PrefixSet, ClearsBitsBehindTheLength) {
  const PrefixSet set({Prefix{address("45.80.10.9"), 24}});
  EXPECT_TRUE(set.contains(address("45.80.10.1")));
}

TEST(PrefixSet, SaysWhatASearchThroughAllSays) {
  std::minstd_rand engine(7);
  const auto random = [&] { return static_cast<unsigned>(engine() >> 8U); };
  const auto some_address = [&] {
    // Few different bytes, so that prefixes nest.
    std::array<std::uint8_t, 4> bytes{};
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>((random() & 3U) << 6U);
    return Address(bytes);
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<Prefix> prefixes;
    for (unsigned i = random() % 12; i > 0; --i)
      prefixes.push_back(Prefix::of(some_address(), random() % 33));
    const PrefixSet set(prefixes);
    for (int i = 0; i < 50; ++i) {
      const auto one = some_address();
      const bool found =
          std::any_of(prefixes.begin(), prefixes.end(), [&](const Prefix& p) { return p.contains(one); });
      EXPECT_EQ(set.contains(one), found) << one.to_string();
    }
  }
}

TEST(ForgetOldest, TakesAnEighthAndTheOldestOnes) {
  std::map<int, int> map;
  for (int i = 0; i < 80; ++i) map[i] = (i * 37) % 80;
  forget_oldest(map, [](int time) { return time; });
  EXPECT_EQ(map.size(), 70U);
  for (const auto& [key, time] : map) EXPECT_GE(time, 10);
}

TEST(ForgetOldest, TakesAnEighthAlsoOfEqualOnesAndOfFew) {
  std::map<int, int> map;
  for (int i = 0; i < 16; ++i) map[i] = i == 9 ? 1 : 5;
  forget_oldest(map, [](int time) { return time; });
  EXPECT_EQ(map.size(), 14U);
  EXPECT_FALSE(map.contains(9)) << "the one that is older than its equals";
  std::map<int, int> one{{1, 1}};
  forget_oldest(one, [](int time) { return time; });
  EXPECT_TRUE(one.empty());
  forget_oldest(one, [](int time) { return time; });
}

}  // namespace
}  // namespace claudebox::net
