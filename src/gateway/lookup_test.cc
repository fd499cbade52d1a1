#include "gateway/lookup.h"

#include <gmock/gmock.h>

#include "dns_bytes.h"

namespace claudebox::gateway {
namespace {

using dns::address;
using dns::answer;
using dns::Bytes;
using dns::query;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using Result = LookedUp::Result;

const net::Time kNow = net::Time{} + std::chrono::hours(1);

net::Address addr(const char* text) {
  return *net::Address::parse(text);
}

class Lookups : public ::testing::Test {
 protected:
  std::optional<LookupRules::Immediate> here(const Bytes& asked) {
    return rules().answer_here(asked, net::read_query(asked));
  }
  LookupRules::Judged judge(const Bytes& asked, const Bytes& reply) {
    return rules().judge(asked, *net::read_query(asked), reply, kNow);
  }
  LookupRules& rules() {
    if (!policy) {
      policy.emplace(net::PolicyRules{.allowlist = allowlist, .box_v4 = {}, .box_v6 = {}});
      policy->set_host_prefixes({{*net::Prefix::parse("8.9.10.11/32"), net::HostPrefix::Kind::own_address}});
      rules_.emplace(*policy, names, allowlist);
    }
    return *rules_;
  }

  bool allowlist = true;
  std::vector<AllowedName> names{{.pattern = "example.org"}, {.pattern = "*.wild.example"}};
  std::optional<net::Policy> policy;

 private:
  std::optional<LookupRules> rules_;
};

TEST_F(Lookups, RefusesWhatIsNotOnTheList) {
  for (const char* name : {"example.com", "www.example.org", "wild.example", "notwild.example", "org", ""}) {
    const auto refused = here(query(name));
    ASSERT_TRUE(refused) << name;
    EXPECT_EQ(refused->reply, net::error_reply(query(name), net::kRefused));
    EXPECT_TRUE(refused->reported);
    EXPECT_EQ(refused->report, (LookedUp{.name = name, .type = net::kTypeA, .result = Result::refused}));
  }
  EXPECT_TRUE(here(query("secret.example.com", net::kTypeHttps))->report.result == Result::refused);
}

TEST_F(Lookups, AskForWhatIsOnTheList) {
  for (const char* name : {"example.org", "EXAMPLE.org", "a.wild.example", "b.a.wild.example"})
    EXPECT_FALSE(here(query(name))) << name;
  EXPECT_FALSE(here(query("example.org", 16)));
}

TEST_F(Lookups, AskForEverythingWithoutAList) {
  allowlist = false;
  for (const char* name : {"example.com", "intranet", "", "9.9.9.9.in-addr.arpa"})
    EXPECT_FALSE(here(query(name))) << name;
}

TEST_F(Lookups, SayThatThereAreNoHints) {
  for (const std::uint16_t type : {net::kTypeHttps, net::kTypeSvcb}) {
    const auto none = here(query("example.org", type));
    ASSERT_TRUE(none);
    EXPECT_EQ(none->reply, net::error_reply(query("example.org", type), net::kNoError));
    EXPECT_EQ(none->report, (LookedUp{.name = "example.org", .type = type, .result = Result::answered}));
  }
}

TEST_F(Lookups, AnswerRubbishWithAFormatErrorAndShorterRubbishNotAtAll) {
  Bytes rubbish = query("example.org");
  rubbish.pop_back();
  EXPECT_EQ(dns::code(here(rubbish)->reply), net::kFormatError);
  EXPECT_FALSE(here(rubbish)->reported);
  rubbish.resize(11);
  EXPECT_THAT(here(rubbish)->reply, IsEmpty());
}

TEST_F(Lookups, GrantTheAddressesOnTheChainBeforeTheReplyIsThere) {
  const auto asked = query("example.org");
  auto reply = answer(asked, {dns::cname("example.org", "cdn.example"), address("cdn.example", "9.9.9.9"),
                              address("cdn.example", "2620:fe::9"), address("other.example", "9.9.9.10")});
  reply = dns::with_id(reply, 0x7777);
  rules();
  EXPECT_STREQ(policy->forbidden(addr("9.9.9.9"), 443, kNow), "not on the allowlist");
  const auto judged = judge(asked, reply);
  EXPECT_EQ(judged.reply, dns::with_id(reply, 0x1234)) << "under the box's id";
  EXPECT_THAT(judged.grants,
              ElementsAre(net::Grant{addr("9.9.9.9"), 0, false}, net::Grant{addr("2620:fe::9"), 0, false}));
  EXPECT_FALSE(policy->forbidden(addr("9.9.9.9"), 443, kNow));
  EXPECT_TRUE(policy->forbidden(addr("9.9.9.10"), 443, kNow));
  EXPECT_EQ(judged.report.result, Result::answered);
  EXPECT_THAT(judged.report.addresses, ElementsAre(addr("9.9.9.9"), addr("2620:fe::9")));
}

TEST_F(Lookups, GrantNothingWithoutAList) {
  allowlist = false;
  const auto asked = query("example.org");
  EXPECT_THAT(judge(asked, answer(asked, {address("example.org", "9.9.9.9")})).grants, IsEmpty());
}

TEST_F(Lookups, WithholdAnAnswerWithAnyPrivateAddress) {
  const auto asked = query("example.org");
  for (const bool list : {true, false})
    for (const char* bad : {"192.168.1.1", "127.0.0.1", "0.0.0.0", "169.254.169.254", "8.9.10.11", "::1",
                            "fd00::1", "::ffff:192.168.1.1", "64:ff9b::c0a8:101", "2002:c0a8:101::1"})
      for (const std::size_t section : {7, 9, 11}) {
        policy.reset();
        allowlist = list;
        const auto good = answer(asked, {address("example.org", "9.9.9.9")});
        const auto judged = judge(asked, dns::with(good, address("other.example", bad), section));
        EXPECT_EQ(judged.reply, net::error_reply(asked, net::kRefused)) << bad;
        EXPECT_THAT(judged.grants, IsEmpty());
        EXPECT_EQ(judged.report.result, Result::private_address);
        EXPECT_THAT(judged.report.addresses, ElementsAre(addr(bad)));
        EXPECT_EQ(policy->forbidden(addr("9.9.9.9"), 443, kNow) != nullptr, list);
      }
}

TEST_F(Lookups, OpenPrivateAddressesForLanNamesInBothTiers) {
  names = {{.pattern = "db.corp", .lan = true, .port = 5432},
           {.pattern = "*.corp", .lan = true, .port = 443},
           {.pattern = "db.corp"}};
  const auto asked = query("db.corp");
  const auto reply = answer(asked, {address("db.corp", "10.1.2.3")});
  const net::Grant database{addr("10.1.2.3"), 5432, true};
  const net::Grant web{addr("10.1.2.3"), 443, true};
  EXPECT_FALSE(here(asked));
  EXPECT_THAT(judge(asked, reply).grants,
              UnorderedElementsAre(database, web, net::Grant{addr("10.1.2.3"), 0, false}));
  for (const auto& open : {database, web}) EXPECT_FALSE(policy->forbidden(open.address, open.port, kNow));
  EXPECT_TRUE(policy->forbidden(addr("10.1.2.3"), 22, kNow)) << "--allow opens nothing private";
  policy.reset();
  allowlist = false;
  EXPECT_THAT(judge(asked, reply).grants, UnorderedElementsAre(database, web));
}

TEST_F(Lookups, OpenNeitherMetadataNorTheHostForLanNames) {
  names = {{.pattern = "db.corp", .lan = true}};
  const auto asked = query("db.corp");
  for (const char* bad : {"169.254.169.254", "fd00:ec2::254", "8.9.10.11", "127.0.0.1", "224.0.0.1"})
    EXPECT_EQ(judge(asked, answer(asked, {address("db.corp", bad)})).report.result, Result::private_address)
        << bad;
}

TEST_F(Lookups, StoreNoMoreThanAServerMayMakeThem) {
  const auto asked = query("example.org");
  auto reply = answer(asked, {});
  for (int i = 1; i <= 200; ++i)
    reply = dns::with(reply, address("example.org", ("9.9.9." + std::to_string(i)).c_str()));
  const auto judged = judge(asked, reply);
  EXPECT_THAT(judged.grants, SizeIs(LookupRules::kMaxGrants));
  EXPECT_THAT(judged.report.addresses, SizeIs(LookupRules::kMaxReported));
}

TEST_F(Lookups, TellHowTheyEnded) {
  const auto asked = query("example.org");
  EXPECT_EQ(judge(asked, answer(asked, {}, net::kNoSuchName)).report.result, Result::no_such_name);
  EXPECT_EQ(judge(asked, answer(asked, {}, net::kRefused)).report.result, Result::failed);
  EXPECT_EQ(judge(asked, answer(asked, {})).report.result, Result::answered);
}

TEST_F(Lookups, FailWhereAnAnswerCanNotBeRead) {
  const auto asked = query("example.org", net::kTypeAny);
  const auto whole = answer(asked, {address("example.org", "9.9.9.9")});
  for (std::size_t size = asked.size(); size < whole.size(); ++size) {
    const auto judged = judge(asked, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_EQ(judged.reply, net::error_reply(asked, net::kServerFailure));
    EXPECT_EQ(judged.report.result, Result::failed);
    EXPECT_THAT(judged.grants, IsEmpty());
  }
  const auto hints = dns::with(whole, {dns::name("example.org"), net::kTypeHttps, {0, 1, 0}});
  EXPECT_EQ(dns::code(judge(asked, hints).reply), net::kServerFailure);
}

}  // namespace
}  // namespace claudebox::gateway
