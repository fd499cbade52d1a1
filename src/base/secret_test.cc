#include "base/secret.h"

#include <gtest/gtest.h>

#include <string>

namespace claudebox::base {
namespace {

TEST(Mask, ShowsFirstSevenAndLastFourOfMoreThanEleven) {
  EXPECT_EQ(mask("sk-ant-abcdefghij"), "sk-ant-...ghij");
  EXPECT_EQ(mask("123456789012"), "1234567...9012");
  EXPECT_EQ(mask("12345678901"), "***");
  EXPECT_EQ(mask(""), "***");
}

TEST(Mask, CutsNoCharacterInHalf) {
  EXPECT_EQ(mask("pässwörtér-mit-ümläuten"), "***");
  EXPECT_EQ(mask("line\nline\nline\nline"), "***");
}

TEST(SecretName, KnowsTheUsualWords) {
  for (const char* name :
       {"GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "DB_PASSWORD", "PGPASSWORD", "API_KEY",
        "apikey", "OPENAI_API_KEY", "MY_CREDENTIALS", "GH_PAT", "NPM_AUTH", "SIGNING_KEYS", "SSHKEY",
        "my-secret", "SENTRY_DSN", "SESSION_COOKIE", "PRIVATE_PEM", "REDIS_PASS"})
    EXPECT_TRUE(secret_name(name)) << name;
}

TEST(SecretName, LeavesHarmlessNamesAlone) {
  for (const char* name :
       {"PATH", "PWD", "OLDPWD", "KEYBOARD", "MONKEY", "XKB_KEYMAP", "SSH_AUTH_SOCK",
        "TOKENIZERS_PARALLELISM", "MAX_THINKING_TOKENS", "CLAUDE_CODE_MAX_OUTPUT_TOKENS", "COMPASS",
        "PATTERN", "AUTHOR", "GIT_AUTHOR_NAME", "SSL_KEY_FILE", "PASSENGERS", "", "_"})
    EXPECT_FALSE(secret_name(name)) << name;
}

TEST(SecretShape, KnowsWhatIssuersMark) {
  EXPECT_EQ(secret_shape("sk-ant-api03-abcdefgh"), "an Anthropic key");
  EXPECT_EQ(secret_shape("ghp_0123456789abcdefABCDEF0123456789abcd"), "a GitHub token");
  EXPECT_EQ(secret_shape("github_pat_11ABCDEFG0abcdefghijkl"), "a GitHub token");
  EXPECT_EQ(secret_shape("AKIAIOSFODNN7EXAMPLE"), "an AWS key");
  EXPECT_EQ(secret_shape("xoxb-1234567890-abc"), "a Slack token");
  EXPECT_EQ(secret_shape("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc"), "a JSON web token");
  EXPECT_EQ(secret_shape("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n"), "a private key");
  EXPECT_EQ(secret_shape("postgres://app:hunter2@db/x"), "a password in a URL");
  EXPECT_EQ(secret_shape("Authorization: Bearer ghp_0123456789abcdefABCDEF"), "a GitHub token");
}

TEST(SecretShape, LeavesOtherTextAlone) {
  for (const char* text :
       {"", "sk-", "sk-ant", "ask-anthropic-about-it", "AKIA", "npm_config_prefix",
        "task-force-of-the-north-sea", "https://example.org/a@b:c", "http://user@host/",
        "-----BEGIN CERTIFICATE-----", "eyJabc.def.ghi", "xterm-256color", "/home/dev/sk-project"})
    EXPECT_EQ(secret_shape(text), "") << text;
}

TEST(HideSecrets, MasksEachAndKeepsTheRest) {
  EXPECT_EQ(hide_secrets("curl -H sk-ant-api03-abcdefgh https://u:pw@h/x"),
            "curl -H sk-ant-...efgh https://u:***@h/x");
  EXPECT_EQ(hide_secrets("nothing here"), "nothing here");
  EXPECT_EQ(hide_secrets("key:\n-----BEGIN RSA PRIVATE KEY-----\nabc\nplain"), "key:\n***");
}

}  // namespace
}  // namespace claudebox::base
