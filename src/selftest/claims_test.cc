#include "selftest/claims.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <set>

#include "base/text.h"
#include "selftest/probe_image.h"
#include "sys/fd.h"

namespace claudebox::selftest {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

/// What the probe in this program answers to "list=1".
std::set<std::string> ids_of_the_probe() {
  const sys::UniqueFd file = sys::make_memory_file("probe", probe_image());
  const std::string path = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(file.get());
  const std::string command = path + " list=1";
  FILE* output = ::popen(command.c_str(), "r");
  const std::string text = sys::read_all(::fileno(output));
  EXPECT_EQ(::pclose(output), 0);
  std::set<std::string> ids;
  for (const auto& line : base::split(text, '\n'))
    if (!line.empty()) ids.insert(line);
  return ids;
}

TEST(Claims, AreExactlyWhatTheProbeTries) {
  std::set<std::string> ids;
  for (const auto& claim : claims())
    if (!is_tried_outside(claim)) {
      EXPECT_TRUE(ids.emplace(claim.id).second) << claim.id << " is there twice";
    }
  EXPECT_EQ(ids, ids_of_the_probe());
}

TEST(Claims, OfAPromiseStandTogetherAndItSaysSomething) {
  std::set<std::string_view> seen;
  std::string_view last;
  for (const auto& claim : claims()) {
    EXPECT_THAT(promise_text(claim.promise), Not(IsEmpty())) << claim.promise;
    if (claim.promise != last) {
      EXPECT_TRUE(seen.insert(claim.promise).second) << claim.promise;
    }
    last = claim.promise;
  }
}

const Claim& claim_of(std::string_view id) {
  for (const auto& claim : claims())
    if (claim.id == id) return claim;
  throw std::out_of_range("no such claim");
}

TEST(Claims, PromiseNoMoreThanTheTier) {
  plan::Plan full;
  full.network.value = plan::Tier::full;
  for (const auto* id : {"network.loopback", "network.routes", "sockets.abstract"})
    EXPECT_THAT(not_promised(claim_of(id), full), Not(IsEmpty())) << id;
  full.scope_abstract_sockets = true;
  EXPECT_THAT(not_promised(claim_of("sockets.abstract"), full), IsEmpty());

  plan::Plan offline;
  offline.network.value = plan::Tier::offline;
  for (const auto& claim : claims()) {
    const bool of_a_gateway = claim.promise == "NET-2" || claim.promise == "NET-3";
    EXPECT_EQ(not_promised(claim, offline).empty(), !of_a_gateway) << claim.id;
  }
}

TEST(Claims, OfATierWithAGatewayArePromisedThereAlone) {
  plan::Plan internet;
  internet.network.value = plan::Tier::internet;
  plan::Plan allowlist;
  allowlist.network.value = plan::Tier::allowlist;
  for (const auto& claim : claims()) {
    if (claim.promise == "NET-2" && claim.id != "names.private") {
      EXPECT_THAT(not_promised(claim, internet), IsEmpty()) << claim.id;
      EXPECT_THAT(not_promised(claim, allowlist), IsEmpty()) << claim.id;
    }
    if (claim.promise == "NET-3") {
      EXPECT_THAT(not_promised(claim, internet), Not(IsEmpty())) << claim.id;
      EXPECT_THAT(not_promised(claim, allowlist), IsEmpty()) << claim.id;
    }
  }
  EXPECT_THAT(not_promised(claim_of("names.private"), internet), IsEmpty());
}

TEST(Claims, OfALimitAreNotPromisedWhereItCantBeHad) {
  plan::Plan plan;
  plan.limits.all = {
      {.kind = plan::LimitKind::memory, .by = plan::Limit::By::nothing, .reason = "no cgroup v2"},
      {.kind = plan::LimitKind::open_files, .by = plan::Limit::By::resource}};
  EXPECT_EQ(not_promised(claim_of("limits.memory"), plan), "not promised: no cgroup v2");
  EXPECT_THAT(not_promised(claim_of("limits.open-files"), plan), IsEmpty());
}

}  // namespace
}  // namespace claudebox::selftest
