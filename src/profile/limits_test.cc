#include "profile/limits.h"

#include <gmock/gmock.h>

#include "profile_host.h"

namespace claudebox::profile {
namespace {

using plan::LimitKind;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::optional<SpelledLimit> good(const std::string& text) {
  base::Diagnostics problems;
  auto limit = parse_limit(Typed::flag("--limit", text), problems);
  EXPECT_TRUE(problems.empty()) << claudebox::testing::all_of(problems);
  EXPECT_TRUE(limit) << text;
  return limit;
}

std::string bad(const std::string& text) {
  base::Diagnostics problems;
  EXPECT_FALSE(parse_limit(Typed::flag("--limit", text), problems)) << text;
  EXPECT_EQ(problems.items().size(), 1U) << text;
  for (const auto& item : problems.items()) EXPECT_FALSE(item.hint.empty()) << item.message;
  return claudebox::testing::all_of(problems);
}

TEST(LimitsSpelled, AmountsAreOfTheirUnit) {
  EXPECT_EQ(good("memory=8G")->amount, 8ULL << 30);
  EXPECT_EQ(good("memory=512M")->amount, 512ULL << 20);
  EXPECT_EQ(good("memory=1T")->amount, 1ULL << 40);
  EXPECT_EQ(good("memory=65536K")->amount, 64ULL << 20);
  EXPECT_EQ(good("memory=2GiB")->amount, 2ULL << 30);
  EXPECT_EQ(good("cpu=150%")->amount, 150U);
  EXPECT_EQ(good("processes=500")->amount, 500U);
  EXPECT_EQ(good("open-files=4096")->kind, LimitKind::open_files);
  EXPECT_FALSE(good("memory=none")->amount);
}

TEST(LimitsSpelled, WhatIsNoAmountNamesTheNearest) {
  EXPECT_THAT(bad("memory=8"), HasSubstr("did you mean 8G?"));
  EXPECT_THAT(bad("memory=4096"), HasSubstr("did you mean 4096M?"));
  EXPECT_THAT(bad("memory=8g"), HasSubstr("did you mean 8G?"));
  EXPECT_THAT(bad("memory=8GB"), HasSubstr("did you mean 8G?"));
  EXPECT_THAT(bad("memory=8X"), AllOf(HasSubstr("can't understand"), HasSubstr("K, M, G and T")));
  EXPECT_THAT(bad("memory=1.5G"), HasSubstr("can't understand"));
  EXPECT_THAT(bad("cpu=2"), HasSubstr("did you mean 200%?"));
  EXPECT_THAT(bad("cpu=150"), HasSubstr("did you mean 150%?"));
  EXPECT_THAT(bad("processes=500%"), HasSubstr("can't understand"));
  for (const std::string text : {"memory", "memory=", "memory=G", "memory=-8G", "memory=+8G", "memory= 8G",
                                 "memory=0x8G", "cpu=%", "cpu=-1%", "processes=1e3", "processes=500 "})
    bad(text);
  EXPECT_THAT(bad("memroy=8G"), HasSubstr("did you mean memory?"));
  EXPECT_THAT(bad("disk=8G"), HasSubstr("memory, cpu, processes, open-files"));
  EXPECT_THAT(bad(""), HasSubstr("unknown limit"));
}

TEST(LimitsSpelled, WhatNoBoxCanHaveIsRefused) {
  for (const std::string text :
       {"memory=0G", "memory=1M", "cpu=0%", "processes=0", "processes=15", "open-files=63"})
    EXPECT_THAT(bad(text), HasSubstr("too little: at least")) << text;
  for (const std::string text :
       {"memory=2000T", "memory=99999999999999999999T", "memory=18446744073709551615T", "memory=20000000000G",
        "cpu=100001%", "processes=4194305", "open-files=99999999999999999999"})
    EXPECT_THAT(bad(text), HasSubstr("too much: at most")) << text;
}

TEST(LimitsSpelled, OneOfAKindInTheRequest) {
  plan::Request request;
  request_limit(*good("memory=8G"), request);
  request_limit(*good("cpu=50%"), request);
  request_limit(*good("memory=4G"), request);
  ASSERT_EQ(request.limits.size(), 2U);
  EXPECT_EQ(request.limits.back().amount, 4ULL << 30);
  request_limit(*good("memory=none"), request);
  ASSERT_EQ(request.limits.size(), 1U);
  EXPECT_EQ(request.limits.front().kind, LimitKind::cpu);
}

}  // namespace
}  // namespace claudebox::profile
