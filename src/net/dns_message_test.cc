#include "net/dns_message.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "dns_bytes.h"

namespace claudebox::net {
namespace {

using dns::answer;
using dns::Bytes;
using dns::query;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A query whose question holds these bytes as its name.
Bytes with_name(const Bytes& name) {
  Bytes message = query("");
  message.resize(12);
  dns::put(message, name);
  dns::put(message, Bytes{0, 1, 0, 1});
  return message;
}

std::vector<std::string> on_chain(const Bytes& reply, const Bytes& asked) {
  std::vector<std::string> out;
  const auto read = read_answer(reply, *read_query(asked));
  for (const auto& record : read.value().addresses)
    if (record.on_chain) out.push_back(record.address.to_string());
  return out;
}

TEST(DnsQuery, IsReadInLowerCase) {
  EXPECT_EQ(read_query(query("WWW.Example.ORG", kTypeAaaa)),
            (Question{.id = 0x1234, .name = "www.example.org", .type = kTypeAaaa, .klass = 1, .end = 33}));
  EXPECT_EQ(read_query(query("", 2))->name, "");
}

TEST(DnsQuery, ShowsStrangeBytesEscaped) {
  EXPECT_EQ(read_query(query("\x1b[31m.a b\\\xff"))->name, "\\027[31m.a\\032b\\092\\255");
}

TEST(DnsQuery, IsOneStandardQuestion) {
  const auto changed = [](std::size_t at, std::uint8_t value) {
    Bytes message = query("example.org");
    message[at] = value;
    return read_query(message);
  };
  EXPECT_TRUE(changed(2, 0x01));
  EXPECT_FALSE(changed(2, 0x81)) << "an answer";
  EXPECT_FALSE(changed(2, 0x29)) << "an update";
  EXPECT_FALSE(changed(5, 0)) << "no question";
  EXPECT_FALSE(changed(5, 2)) << "two";
  EXPECT_FALSE(changed(4, 1)) << "257";
}

TEST(DnsQuery, RefusesLabelsThatLookLikeOtherNames) {
  EXPECT_FALSE(read_query(with_name({3, 'a', '.', 'b', 0})));
  EXPECT_FALSE(read_query(with_name({3, 'a', 0, 'b', 0})));
  EXPECT_FALSE(read_query(with_name({0x41, 'a', 0}))) << "an extended label";
  EXPECT_FALSE(read_query(with_name({0x81, 'a', 0})));
}

TEST(DnsQuery, RefusesPointersInTheQuestion) {
  EXPECT_FALSE(read_query(with_name({0xc0, 12}))) << "to itself";
  EXPECT_FALSE(read_query(with_name({1, 'a', 0xc0, 12}))) << "a loop";
  EXPECT_FALSE(read_query(with_name({0xc0, 6}))) << "into the header";
  EXPECT_FALSE(read_query(with_name({4, 'a', 1, 'b', 0, 0xc0, 14}))) << "into a label";
  // A pointer to a length whose label is the pointer itself and the type, "aa"; the class ends the name.
  Bytes over_its_end = with_name({1, 4, 0xc0, 13});
  std::fill_n(over_its_end.end() - 4, 2, std::uint8_t{'a'});
  EXPECT_FALSE(read_query(over_its_end));
}

TEST(DnsQuery, RefusesOverlongNames) {
  const auto of_labels = [](std::size_t count, std::size_t last) {
    Bytes name;
    for (std::size_t i = 0; i < count; ++i) {
      name.push_back(63);
      name.insert(name.end(), 63, 'a');
    }
    name.push_back(static_cast<std::uint8_t>(last));
    name.insert(name.end(), last, 'b');
    name.push_back(0);
    return read_query(with_name(name));
  };
  EXPECT_TRUE(of_labels(3, 61)) << "255 bytes";
  EXPECT_FALSE(of_labels(3, 62));
}

TEST(DnsQuery, CutAnywhereIsNoQuery) {
  const auto whole = query("www.example.org");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto part = std::span(whole).first(size);
    EXPECT_FALSE(read_query(part)) << size;
    const auto reply = error_reply(part, kFormatError);
    EXPECT_EQ(reply.size(), size < 12 ? 0 : 12) << "header only, as the question can't be copied";
  }
}

TEST(DnsErrorReply, HoldsHeaderAndQuestionOnly) {
  const auto asked = dns::with(query("www.Example.org"), dns::opt(4096), 11);
  const auto reply = error_reply(asked, kRefused);
  Bytes wanted = query("www.Example.org");
  wanted[2] = 0x81;
  wanted[3] = 0x85;
  EXPECT_EQ(reply, wanted);
  Bytes strange = asked;
  strange[2] = 0x2f;  // an update with every flag
  EXPECT_EQ(error_reply(strange, kFormatError), (Bytes{0x12, 0x34, 0xa9, 0x81, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(ForwardedQuery, KeepsTheQuestionAsItWasWritten) {
  Bytes asked = query("wWw.eXample.org", kTypeAaaa);
  asked[3] = 0x30;
  EXPECT_EQ(forwarded_query(asked, *read_query(asked), 0xabcd), dns::with_id(asked, 0xabcd));
}

TEST(ForwardedQuery, LeavesOutWhatWasNotJudged) {
  const auto plain = query("example.org");
  Bytes asked = dns::with(plain, dns::address("secret.example.net", "192.0.2.1"));
  asked = dns::with(asked, dns::address("more.example.net", "192.0.2.1"), 9);
  asked.insert(asked.end(), {'s', 'e', 'c', 'r', 'e', 't'});
  asked[2] |= 0x06;
  asked[3] = 0xcf;
  EXPECT_EQ(forwarded_query(asked, *read_query(asked), 0x1234), plain);
}

TEST(ForwardedQuery, KeepsEdnsButForItsOptionsAndLimitsTheSize) {
  const auto forwarded = [](const dns::Record& opt) {
    const auto asked = dns::with(query("example.org"), opt, 11);
    return forwarded_query(asked, *read_query(asked), 0x1234);
  };
  const auto wanted = [](std::uint16_t size, std::uint32_t flags) {
    return dns::with(query("example.org"), dns::opt(size, flags), 11);
  };
  EXPECT_EQ(forwarded(dns::opt(4096)), wanted(1232, 0));
  EXPECT_EQ(forwarded(dns::opt(1000)), wanted(1000, 0));
  EXPECT_EQ(forwarded(dns::opt(0)), wanted(512, 0));
  EXPECT_EQ(forwarded(dns::opt(800, 0xff01ffff)), wanted(800, 0x00018000)) << "version and DO";
  EXPECT_EQ(forwarded(dns::opt(800, 0, {0, 10, 0, 2, 'h', 'i'})), wanted(800, 0));
}

TEST(ForwardedQuery, DoesWithoutEdnsThatCanNotBeRead) {
  const auto plain = query("example.org");
  const auto whole = dns::with(plain, dns::opt(4096), 11);
  for (std::size_t size = plain.size(); size < whole.size(); ++size) {
    const auto part = std::span(whole).first(size);
    EXPECT_EQ(forwarded_query(part, *read_query(part), 0x1234), plain) << size;
  }
}

TEST(DnsReply, AnswersTheQuestionUnderItsId) {
  const auto asked = query("Example.org");
  const auto question = *read_query(asked);
  EXPECT_TRUE(is_reply_to(answer(query("eXample.org"), {}), question, 0x1234));
  EXPECT_FALSE(is_reply_to(answer(asked, {}), question, 0x1235));
  EXPECT_FALSE(is_reply_to(asked, question, 0x1234)) << "a query";
  EXPECT_FALSE(is_reply_to(answer(query("example.net"), {}), question, 0x1234));
  EXPECT_FALSE(is_reply_to(answer(query("example.org", kTypeAaaa), {}), question, 0x1234));
  Bytes other_class = answer(asked, {});
  other_class.back() = 3;
  EXPECT_FALSE(is_reply_to(other_class, question, 0x1234));
}

TEST(DnsAnswer, FollowsTheChainOfNames) {
  const auto asked = query("www.example.org");
  EXPECT_THAT(on_chain(answer(asked, {dns::cname("WWW.example.org", "a.cdn.example"),
                                      dns::cname("a.cdn.example", "b.cdn.example"),
                                      dns::address("b.cdn.example", "192.0.2.1"),
                                      dns::address("b.cdn.example", "2001:db8::1")}),
                       asked),
              ElementsAre("192.0.2.1", "2001:db8::1"));
}

TEST(DnsAnswer, KnowsWhatNobodyAskedFor) {
  const auto asked = query("example.org");
  auto reply =
      answer(asked, {dns::address("other.example", "192.0.2.2"), dns::cname("other.example", "third.example"),
                     dns::address("third.example", "192.0.2.3")});
  auto chaos = dns::address("example.org", "192.0.2.4");
  chaos.klass = 3;
  reply = dns::with(reply, chaos);
  reply = dns::with(reply, dns::address("example.org", "192.0.2.5"), 9);
  reply = dns::with(reply, dns::address("example.org", "192.0.2.6"), 11);
  EXPECT_THAT(on_chain(reply, asked), IsEmpty());
  EXPECT_EQ(read_answer(reply, *read_query(asked))->addresses.size(), 5) << "but all are judged";
}

TEST(DnsAnswer, ReadsCompressedNames) {
  const auto asked = query("www.example.org");
  // Owner: a pointer to the question. Target: "cdn" and a pointer to "example.org".
  auto reply = answer(asked, {{{0xc0, 12}, dns::kCname, {3, 'c', 'd', 'n', 0xc0, 16}}});
  reply = dns::with(reply, dns::address("cdn.example.org", "192.0.2.1"));
  EXPECT_THAT(on_chain(reply, asked), ElementsAre("192.0.2.1"));
}

TEST(DnsAnswer, EndsAtLoopsOfPointers) {
  const auto asked = query("example.org");
  const auto question = *read_query(asked);
  const auto at = static_cast<std::uint8_t>(asked.size());
  const auto next = static_cast<std::uint8_t>(at + 2);
  for (const Bytes& owner : {Bytes{0xc0, at}, Bytes{0xc0, next}, Bytes{1, 'a', 0xc0, at}, Bytes{0xff, 0xff},
                             Bytes{0xc0, 0}, Bytes{0xc0, 4}})
    EXPECT_FALSE(read_answer(answer(asked, {{owner, kTypeA, {192, 0, 2, 1}}}), question));
}

TEST(DnsAnswer, FollowsThirtyTwoPointersAndNoMore) {
  const auto asked = query("example.org");
  // A record of pointers, each to the one before and the first to the question; then an owner that begins at one.
  const auto reply_with = [&](std::size_t hops) {
    Bytes pointers{0xc0, 12};
    const std::size_t first = asked.size() + 11;
    for (std::size_t i = 0; i + 2 < hops; ++i) {
      const std::size_t before = first + 2 * i;
      pointers.push_back(static_cast<std::uint8_t>(0xc0 | before >> 8));
      pointers.push_back(static_cast<std::uint8_t>(before & 0xff));
    }
    const std::size_t last = first + pointers.size() - 2;
    auto reply = answer(asked, {{Bytes{0}, 16, pointers}});
    return dns::with(reply,
                     {{static_cast<std::uint8_t>(0xc0 | last >> 8), static_cast<std::uint8_t>(last & 0xff)},
                      kTypeA,
                      {192, 0, 2, 1}});
  };
  EXPECT_THAT(on_chain(reply_with(32), asked), ElementsAre("192.0.2.1"));
  EXPECT_FALSE(read_answer(reply_with(33), *read_query(asked)));
}

TEST(DnsAnswer, RefusesAddressesThatItCanNotJudge) {
  const auto asked = query("example.org", kTypeAny);
  const auto question = *read_query(asked);
  for (const std::uint16_t type : {kTypeHttps, kTypeSvcb})
    EXPECT_FALSE(read_answer(answer(asked, {{dns::name("example.org"), type, {0, 1, 0}}}), question));
  EXPECT_FALSE(read_answer(answer(asked, {{dns::name("example.org"), kTypeA, {192, 0, 2}}}), question));
  EXPECT_FALSE(read_answer(answer(asked, {{dns::name("example.org"), kTypeAaaa, {192, 0, 2, 1}}}), question));
  auto many = answer(asked, {});
  many[6] = 3;  // 768 records
  for (int i = 0; i < 768; ++i) dns::put(many, dns::address("example.org", "192.0.2.1"));
  EXPECT_FALSE(read_answer(many, question));
}

TEST(DnsAnswer, TellsCodeTimeAndTruncation) {
  const auto asked = query("example.org");
  const auto question = *read_query(asked);
  EXPECT_EQ(read_answer(answer(asked, {}, kNoSuchName), question)->code, kNoSuchName);
  const auto reply = answer(asked, {dns::address("example.org", "192.0.2.1", 300),
                                    dns::address("example.org", "192.0.2.2", 0x80000001)});
  const auto read = *read_answer(reply, question);
  EXPECT_FALSE(read.truncated);
  EXPECT_EQ(read.addresses[0].time_to_live.count(), 300);
  EXPECT_EQ(read.addresses[1].time_to_live.count(), 0) << "RFC 2181 section 8";
  auto cut = reply;
  cut[2] |= 0x02;
  cut.pop_back();
  EXPECT_TRUE(read_answer(cut, question)->truncated);
  EXPECT_EQ(read_answer(cut, question)->addresses.size(), 1);
}

/// Every one is a whole message of its kind.
std::vector<Bytes> samples() {
  const auto asked = query("www.example.org");
  return {asked, dns::with(asked, dns::opt(4096, 0x8000, {0, 10, 0, 1, 'x'}), 11),
          answer(asked, {dns::cname("www.example.org", "a.example"), dns::address("a.example", "192.0.2.1"),
                         dns::address("a.example", "2001:db8::1")}),
          answer(asked, {{{0xc0, 12}, dns::kCname, {3, 'c', 'd', 'n', 0xc0, 16}}})};
}

TEST(DnsAnswer, CutAnywhereIsNoAnswer) {
  const auto question = *read_query(query("www.example.org"));
  for (const auto& whole : samples())
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto part = std::span(whole).first(size);
      EXPECT_FALSE(is_reply_to(part, question, 0x1234) && read_answer(part, question)) << size;
    }
}

TEST(DnsMessage, SurvivesRubbish) {
  // Same every time; the sanitizers watch.
  std::minstd_rand random(1);  // NOLINT(bugprone-random-generator-seed)
  const auto question = *read_query(query("www.example.org"));
  for (int round = 0; round < 5000; ++round)
    for (auto message : samples()) {
      for (int i = 0; i < 3; ++i)
        message[random() % message.size()] = static_cast<std::uint8_t>(random() % 256);
      message.resize(random() % 4 == 0 ? random() % message.size() : message.size());
      const auto read = read_query(message);
      EXPECT_TRUE(!read || read_query(forwarded_query(message, *read, 7)));
      error_reply(message, kServerFailure);
      is_reply_to(message, question, 0x1234);
      read_answer(message, question);
    }
}

}  // namespace
}  // namespace claudebox::net
