#include <gmock/gmock.h>

#include "planned_host.h"

namespace claudebox::plan {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;

// BOX-5
TEST(Environment, SecretsStayOutside) {
  auto host = debian();
  host.set("AWS_SECRET_ACCESS_KEY", "x")
      .set("GITHUB_TOKEN", "x")
      .set("SSH_AUTH_SOCK", "/run/x")
      .set("LD_PRELOAD", "/x");
  host.set("DBUS_SESSION_BUS_ADDRESS", "x")
      .set("CLAUDECODE", "1")
      .set("TERM", "xterm")
      .set("LC_ALL", "C.UTF-8");
  const Plan plan = must_plan(host);
  for (const std::string name : {"AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "SSH_AUTH_SOCK", "LD_PRELOAD",
                                 "DBUS_SESSION_BUS_ADDRESS", "CLAUDECODE"})
    EXPECT_EQ(value_of(plan, name), "(unset)");
  EXPECT_EQ(value_of(plan, "TERM"), "xterm");
  EXPECT_EQ(value_of(plan, "LC_ALL"), "C.UTF-8");
}

TEST(Environment, GrantedNamesComeIn) {
  auto host = debian();
  host.set("GITHUB_TOKEN", "fake");
  auto request = run_true();
  request.env = {{"GITHUB_TOKEN", std::nullopt, {}}, {"MODE", "a=b", {}}};
  EXPECT_EQ(value_of(must_plan(host, request), "GITHUB_TOKEN"), "fake");
  EXPECT_EQ(value_of(must_plan(host, request), "MODE"), "a=b");
  EXPECT_THAT(must_refuse(debian(), request).message, HasSubstr("GITHUB_TOKEN is not set"));
}

TEST(Environment, ProxyWithAPasswordStaysOutside) {
  auto host = debian();
  host.set("HTTPS_PROXY", "http://user:pass@proxy:3128").set("HTTP_PROXY", "http://proxy:3128");
  const Plan full = must_plan(host, run_true(Tier::full));
  EXPECT_EQ(value_of(full, "HTTPS_PROXY"), "(unset)");
  EXPECT_THAT(full.notes, Contains(Field(&Note::text, HasSubstr("HTTPS_PROXY holds a password"))));
  EXPECT_EQ(value_of(full, "HTTP_PROXY"), "http://proxy:3128");
  EXPECT_EQ(value_of(must_plan(host), "HTTP_PROXY"), "(unset)");
}

}  // namespace
}  // namespace claudebox::plan
