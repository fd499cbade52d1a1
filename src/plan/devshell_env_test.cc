#include "plan/devshell_env.h"

#include <gmock/gmock.h>

namespace claudebox::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::Key;
using ::testing::UnorderedElementsAre;

constexpr const char* kTool = "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-tool";

std::string with(const std::string& name, const std::string& value, const std::string& type = "exported") {
  return "{\"bashFunctions\":{},\"variables\":{\"" + name + "\":{\"type\":\"" + type + "\",\"value\":\"" +
         value + "\"}}}";
}

DevshellEnv env_of(const std::string& json) {
  const auto env = devshell_env(json);
  EXPECT_TRUE(env) << json;
  return env.value_or(DevshellEnv{});
}

TEST(DevshellEnv, PathKeepsWhatLiesInTheStore) {
  EXPECT_THAT(
      env_of(with("PATH", "/nix/store/x/bin:/usr/bin:/nix/store/x/bin:relative:/nix/store/y/bin")).path,
      ElementsAre("/nix/store/x/bin", "/nix/store/y/bin"));
  EXPECT_THAT(env_of(with("PATH", "/path-not-set")).path, ElementsAre());
}

TEST(DevshellEnv, AValueThatNamesTheStoreEnters) {
  EXPECT_THAT(env_of(with("PKG_CONFIG_PATH", std::string(kTool) + "/lib")).variables,
              UnorderedElementsAre(Key("PKG_CONFIG_PATH")));
  const auto other = env_of(with("DATABASE_URL", "postgres://localhost"));
  EXPECT_THAT(other.variables, UnorderedElementsAre());
  EXPECT_THAT(other.withheld, UnorderedElementsAre(Key("DATABASE_URL")));
}

TEST(DevshellEnv, OnlyWhatIsExported) {
  for (const std::string type : {"var", "array", "unknown"})
    EXPECT_THAT(env_of(with("A", kTool, type)).variables, UnorderedElementsAre()) << type;
}

TEST(DevshellEnv, TheBuildsOwnNeverEnters) {
  for (const std::string name : {"HOME", "TMPDIR", "NIX_BUILD_TOP", "TERM", "name", "system", "builder",
                                 "stdenv", "out", "outputs", "shellHook", "IN_NIX_SHELL", "PWD"}) {
    const auto env = env_of(with(name, kTool));
    EXPECT_THAT(env.variables, UnorderedElementsAre()) << name;
    EXPECT_THAT(env.withheld, UnorderedElementsAre()) << name;
  }
}

TEST(DevshellEnv, WhatChangesOtherProgramsWaitsForAGrant) {
  for (const std::string name : {"LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV", "NODE_OPTIONS", "SSL_CERT_FILE",
                                 "NIX_SSL_CERT_FILE", "https_proxy", "GIT_SSH_COMMAND", "ANTHROPIC_BASE_URL",
                                 "CLAUDE_CONFIG_DIR", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY"}) {
    const auto env = env_of(with(name, kTool));
    EXPECT_THAT(env.variables, UnorderedElementsAre()) << name;
    EXPECT_THAT(env.withheld, UnorderedElementsAre(Key(name))) << name;
  }
  EXPECT_THAT(env_of(with("X", std::string(kTool) + " ghp_0123456789abcdefghijABCDEFGHIJ012345")).variables,
              UnorderedElementsAre());
}

TEST(DevshellEnv, NoSuchJson) {
  for (const std::string text : {"", "[]", "{}", "{\"variables\":[]}", "{\"variables\":", "null"})
    EXPECT_FALSE(devshell_env(text)) << text;
  EXPECT_THAT(env_of("{\"variables\":{\"A\":1,\"B\":{},\"C\":{\"type\":\"exported\",\"value\":[1]},"
                     "\"D\":{\"type\":5,\"value\":\"/nix/store/x\"}}}")
                  .variables,
              UnorderedElementsAre());
}

}  // namespace
}  // namespace claudebox::plan
