#include "render/log.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "base/text.h"

namespace claudebox::render {
namespace {

using report::NetworkEvent;
using Kind = NetworkEvent::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

/// 1000 is 2026-11-24 00:00:01, one second later a second later.
std::string clock(std::int64_t milliseconds) {
  const std::int64_t second = milliseconds / 1000;
  return (second < 60 ? "2026-11-24 00:00:" : "2026-11-25 00:00:") +
         std::string(second % 60 < 10 ? "0" : "") + std::to_string(second % 60);
}

std::vector<NetworkEvent> some_events() {
  return {
      {.kind = Kind::lookup,
       .time = 2000,
       .name = "api.test",
       .type = "A",
       .result = "answered",
       .addresses = {"198.51.100.80"}},
      {.kind = Kind::lookup,
       .time = 2000,
       .name = "api.test",
       .type = "AAAA",
       .result = "answered",
       .addresses = {"2001:db8::80"}},
      {.kind = Kind::lookup, .time = 3000, .name = "evil.test", .type = "A", .result = "refused"},
      {.kind = Kind::reached,
       .time = 4000,
       .protocol = "tcp",
       .address = "198.51.100.80",
       .port = 443,
       .bytes_out = 1,
       .bytes_in = 2},
      {.kind = Kind::denied,
       .time = 5000,
       .protocol = "tcp",
       .address = "fd00::1",
       .port = 22,
       .reason = "private network",
       .count = 2},
      {.kind = Kind::reached,
       .time = 6000,
       .protocol = "tcp",
       .address = "198.51.100.80",
       .port = 443,
       .bytes_out = 2048,
       .bytes_in = 5 << 20},
      {.kind = Kind::denied,
       .time = 61000,
       .protocol = "tcp",
       .address = "fd00::1",
       .port = 22,
       .reason = "private network",
       .count = 3},
      {.kind = Kind::incident, .time = 7000, .reason = "slirp4netns was replaced"},
  };
}

const report::Session kSession = {.id = "20261124T000001Z-4711",
                                  .started = 1000,
                                  .ended = 9000,
                                  .outcome = "exited",
                                  .status = 3,
                                  .command = "make test",
                                  .network = "internet"};

TEST(LogDigest, PutsTogetherWhatBelongsTogether) {
  const LogDigest digest = log_digest(some_events());
  ASSERT_THAT(digest.lookups, SizeIs(2));
  EXPECT_EQ(digest.lookups[0].type, "A, AAAA");
  EXPECT_EQ(digest.lookups[0].count, 2U);
  EXPECT_THAT(digest.lookups[0].addresses, ElementsAre("198.51.100.80", "2001:db8::80"));
  ASSERT_THAT(digest.reached, SizeIs(1));
  EXPECT_EQ(digest.reached[0].bytes_in, 5U << 20);
  EXPECT_EQ(digest.reached[0].time, 4000);
  ASSERT_THAT(digest.denied, SizeIs(1));
  EXPECT_EQ(digest.denied[0].count, 5U);
  EXPECT_THAT(digest.incidents, SizeIs(1));
}

TEST(Log, ShowsASessionInParts) {
  const Log log(kSession, {.utf8 = false}, clock);
  EXPECT_EQ(log.header(), "20261124T000001Z-4711 - make test - internet - started 2026-11-24 00:00:01\n");
  EXPECT_EQ(log.page(log_digest(some_events()), false), R"(
names looked up (1)
  00:00:02  api.test  A, AAAA answered 198.51.100.80, 2001:db8::80

reached (1)
  00:00:04  tcp 198.51.100.80:443 (api.test)  2.0 KiB out, 5.0 MiB in

names refused (1)
  00:00:03  evil.test  A refused: not on the allowlist

denied (1)
  00:00:05  tcp [fd00::1]:22  5 times: private network

incidents (1)
  00:00:07  slirp4netns was replaced
)");
  EXPECT_EQ(log.ending(), "00:00:09 it ended, exit status 3\n");
}

TEST(Log, CountsLookupsBeyondOneOfEachType) {
  auto events = some_events();
  events.push_back(events[0]);
  EXPECT_THAT(Log(kSession, {.utf8 = false}, clock).page(log_digest(events), false),
              HasSubstr("2001:db8::80 (3 times)\n"));
}

TEST(Log, ShowsDenialsAlone) {
  const Log log(kSession, {.utf8 = false}, clock);
  EXPECT_EQ(log.page(log_digest(some_events()), true), R"(
names refused (1)
  00:00:03  evil.test  A refused: not on the allowlist

denied (1)
  00:00:05  tcp [fd00::1]:22  5 times: private network
)");
  EXPECT_EQ(log.page({}, true), "\nNothing was denied.\n");
}

TEST(Log, ShowsEventsAsTheyHappen) {
  Log log(kSession, {.utf8 = false}, clock);
  std::string text;
  for (const auto& event : some_events()) text += log.line(event);
  EXPECT_EQ(text, R"(00:00:02  name      api.test  A answered 198.51.100.80
00:00:02  name      api.test  AAAA answered 2001:db8::80
00:00:03  refused   evil.test  A refused: not on the allowlist
00:00:04  reached   tcp 198.51.100.80:443 (api.test)  1 B out, 2 B in
00:00:05  denied    tcp [fd00::1]:22  2 times: private network
00:00:06  reached   tcp 198.51.100.80:443 (api.test)  2.0 KiB out, 5.0 MiB in
2026-11-25 00:00:01  denied    tcp [fd00::1]:22  3 times: private network
00:00:07  incident  slirp4netns was replaced
)");
}

TEST(Log, SaysHowASessionEnded) {
  const auto ending = [](report::Session session) { return Log(session, {.utf8 = false}, clock).ending(); };
  EXPECT_EQ(ending({.running = true}), "it is running\n");
  EXPECT_EQ(ending({}), "it was killed: its end is not in the record\n");
  EXPECT_EQ(
      ending({.ended = 9000, .outcome = "violation", .status = 125, .reason = "why", .lost = 2}),
      "00:00:09 it ended (violation), exit status 125: why\n2 lines of the record could not be written\n");
}

TEST(Log, NothingReachesTheTerminalUnescaped) {
  const std::string evil =
      "a\n\x1b]0;owned\x07\r\x7f\xc2\x9b"
      "2J\xe2\x80\xae\xff";
  const report::Session session = {
      .id = evil, .ended = 1, .outcome = evil, .status = 1, .reason = evil, .command = evil, .network = evil};
  std::vector<NetworkEvent> events;
  for (const Kind kind : {Kind::lookup, Kind::denied, Kind::reached, Kind::incident})
    events.push_back({.kind = kind,
                      .name = evil,
                      .type = evil,
                      .result = evil,
                      .addresses = {evil},
                      .protocol = evil,
                      .address = evil,
                      .port = 1,
                      .reason = evil});
  Log log(session, {.utf8 = false}, clock);
  std::string text = log.header() + log.page(log_digest(events), false) + log.ending();
  for (const auto& event : events) text += log.line(event);
  EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); })) << text;
  EXPECT_THAT(base::split(text, '\n'), Not(::testing::Contains(::testing::StartsWith("owned"))));
}

}  // namespace
}  // namespace claudebox::render
