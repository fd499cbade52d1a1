#include "plan/credential.h"

#include <gmock/gmock.h>

namespace claudebox::plan {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kReal =
    R"({"claudeAiOauth":{"accessToken":"fake-access","refreshToken":"fake-refresh","expiresAt":1800000000000,
"scopes":["user:inference","user:profile"],"subscriptionType":"max","rateLimitTier":"t5"},
"mcpOAuth":{"server":{"accessToken":"fake-other"}}})";

Credential good(const std::string& text) {
  const auto read = read_credential(text);
  if (const auto* none = std::get_if<NoCredential>(&read)) {
    ADD_FAILURE() << none->reason;
    return {};
  }
  return std::get<Credential>(read);
}

NoCredential::Kind bad(const std::string& text) {
  const auto read = read_credential(text);
  if (std::holds_alternative<Credential>(read)) {
    ADD_FAILURE() << text << " was taken for a login";
    return {};
  }
  const auto& none = std::get<NoCredential>(read);
  EXPECT_FALSE(none.reason.empty());
  EXPECT_THAT(none.reason, Not(HasSubstr("fake")));
  return none.kind;
}

TEST(Credential, IsCutDownToTheAccessToken) {
  const Credential login = good(kReal);
  EXPECT_EQ(login.for_box,
            R"({"claudeAiOauth":{"accessToken":"fake-access","expiresAt":1800000000000,)"
            R"("scopes":["user:inference","user:profile"],"subscriptionType":"max","rateLimitTier":"t5"}})"
            "\n");
  EXPECT_EQ(login.expires_at, 1'800'000'000'000);
  EXPECT_EQ(login.subscription, "max");
  EXPECT_TRUE(login.renewable);
}

TEST(Credential, WhatALaterClientAddsStaysOutside) {
  const Credential login = good(
      R"({"claudeAiOauth":{"accessToken":"a","expiresAt":1,"refreshTokenV2":"fake-secret","scopes":[{"x":"fake-secret"}],
"subscriptionType":{"deep":"fake-secret"},"rateLimitTier":["ok"]},"other":"fake-secret"})");
  EXPECT_EQ(login.for_box, R"({"claudeAiOauth":{"accessToken":"a","expiresAt":1,"rateLimitTier":["ok"]}})"
                           "\n");
  EXPECT_FALSE(login.renewable);
}

TEST(Credential, ReadAgainItIsALoginThatNobodyCanRenew) {
  const Credential again = good(good(kReal).for_box);
  EXPECT_EQ(again.for_box, good(kReal).for_box);
  EXPECT_FALSE(again.renewable);
}

TEST(Credential, LoggedOut) {
  using Kind = NoCredential::Kind;
  EXPECT_EQ(bad(""), Kind::logged_out);
  EXPECT_EQ(bad("{}"), Kind::logged_out);
  EXPECT_EQ(bad(R"({"mcpOAuth":{"x":{}}})"), Kind::logged_out);
  EXPECT_EQ(bad(R"({"claudeAiOauth":{"accessToken":"","refreshToken":"","expiresAt":0}})"), Kind::logged_out);
}

TEST(Credential, WhatIsNotUnderstood) {
  using Kind = NoCredential::Kind;
  for (const std::string text :
       {"{", "[]", "null", "fake", R"({"claudeAiOauth":"fake"})", R"({"claudeAiOauth":[]})",
        R"({"claudeAiOauth":{"accessToken":"fake"}})", R"({"claudeAiOauth":{"expiresAt":1}})",
        R"({"claudeAiOauth":{"accessToken":5,"expiresAt":1}})",
        R"({"claudeAiOauth":{"accessToken":"fake","expiresAt":"1"}})",
        R"({"claudeAiOauth":{"accessToken":"fake","expiresAt":-1}})",
        R"({"claudeAiOauth":{"accessToken":"fake","expiresAt":1e300}})",
        R"({"claudeAiOauth":{"accessToken":"fake","expiresAt":null}})",
        "{\"claudeAiOauth\": {\"accessToken\": \"fake\xff\""})
    EXPECT_EQ(bad(text), Kind::unknown) << text;
  EXPECT_EQ(bad(std::string(kMaxCredential + 1, ' ')), Kind::unknown);
  EXPECT_EQ(bad(std::string(100'000, '[')), Kind::unknown);
}

TEST(Credential, TextThatIsNoUtf8IsReplacedNotThrown) {
  const auto read = read_credential("{\"claudeAiOauth\":{\"accessToken\":\"a\xff\",\"expiresAt\":1}}");
  EXPECT_TRUE(std::holds_alternative<NoCredential>(read));
}

}  // namespace
}  // namespace claudebox::plan
