#include "net/resolv_conf.h"

#include <gmock/gmock.h>

namespace claudebox::net {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ResolvConf, ReadsWhatGlibcReads) {
  const auto conf = parse_resolv_conf(
      "# a comment\n; another\nnameserver 127.0.0.53\nnameserver\tfe80::1%eth0\nnameserver not-an-address\n"
      "domain old.example\nsearch corp.example  lab.example\noptions edns0 trust-ad ndots:2 rotate\n"
      "nameserver 2001:db8::1\nnameserver 9.9.9.9");
  EXPECT_THAT(conf.servers, ElementsAre(NameServer{*Address::parse("127.0.0.53"), ""},
                                        NameServer{*Address::parse("fe80::1"), "eth0"},
                                        NameServer{*Address::parse("2001:db8::1"), ""}));
  EXPECT_THAT(conf.search, ElementsAre("corp.example", "lab.example"));
  EXPECT_THAT(conf.options, ElementsAre("ndots:2", "rotate"));
}

TEST(ResolvConf, MakesNothingOfRubbish) {
  for (const char* text :
       {"", "\n\n", "nameserver", "nameserver \n", "options", "search", "\0x", "nameserver 1.2.3.4.5"})
    EXPECT_EQ(parse_resolv_conf(text), ResolvConf{}) << text;
}

TEST(ResolvConf, KeepsTheOptionsOfTheAskingProgram) {
  EXPECT_THAT(
      parse_resolv_conf("options ndots:5 timeout:1 attempts:3 rotate single-request single-request-reopen "
                        "no-tld-query use-vc\noptions inet6 edns0 trust-ad debug ndots rotated\n")
          .options,
      ElementsAre("ndots:5", "timeout:1", "attempts:3", "rotate", "single-request", "single-request-reopen",
                  "no-tld-query", "use-vc"));
}

TEST(ResolvConf, TakesTheLastSearchListAndOneDomain) {
  EXPECT_THAT(parse_resolv_conf("search a.example b.example\ndomain c.example d.example\n").search,
              ElementsAre("c.example"));
  EXPECT_THAT(parse_resolv_conf("domain c.example\nsearch a.example b.example\nsearch\n").search,
              ElementsAre("a.example", "b.example"));
  EXPECT_THAT(parse_resolv_conf("search a.example\x1b[2J b\xff.example .\r\n").search, ElementsAre("."));
  std::string many = "search";
  for (int i = 0; i < 100; ++i) many += " example";
  EXPECT_EQ(parse_resolv_conf(many).search.size(), 32);
}

TEST(ResolvConf, TakesThreeServersAtMost) {
  EXPECT_EQ(
      parse_resolv_conf("nameserver ::1\nnameserver ::2\nnameserver ::3\nnameserver ::4\n").servers.back(),
      (NameServer{*Address::parse("::3"), ""}));
}

TEST(ResolvConf, TellsTheBoxItsOwnServerOnly) {
  const auto text =
      box_resolv_conf(parse_resolv_conf("nameserver 10.0.0.1\nsearch corp.example\noptions ndots:3 edns0\n"),
                      *Address::parse("198.51.100.3"));
  EXPECT_THAT(text, ::testing::EndsWith("nameserver 198.51.100.3\nsearch corp.example\noptions ndots:3\n"));
  EXPECT_THAT(parse_resolv_conf(text).servers, ElementsAre(NameServer{*Address::parse("198.51.100.3"), ""}));
  EXPECT_THAT(parse_resolv_conf(box_resolv_conf({}, *Address::parse("198.51.100.3"))).search, IsEmpty());
}

}  // namespace
}  // namespace claudebox::net
