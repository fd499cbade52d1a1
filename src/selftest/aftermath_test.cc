#include "selftest/aftermath.h"

#include <gmock/gmock.h>

#include <map>

#include "fake_host.h"
#include "runtime/box_root.h"

namespace claudebox::selftest {
namespace {

using claudebox::testing::FakeHost;

constexpr const char* kToken = "claudebox-selftest-1";
constexpr const char* kSpace = "pid:[7]";
constexpr std::uint64_t kEnd = 1000;

plan::Plan plan_with_stub() {
  plan::Plan plan;
  plan.project.root = "/home/dev/app";
  plan.user_home = "/home/dev";
  plan.stubs = {{.path = "/home/dev/app/.git/commondir"}};
  return plan;
}

void put_process(FakeHost& host, const std::string& pid, const std::string& command, const char* space,
                 std::uint64_t started = 5) {
  host.file("/proc/" + pid + "/cmdline", command).symlink("/proc/" + pid + "/ns/pid", space);
  host.file("/proc/" + pid + "/stat",
            pid + " (a) b) S 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 " + std::to_string(started) + " 0\n");
}

FakeHost quiet() {
  FakeHost host;
  host.file("/proc/thread-self/children", "31 32 ").file("/proc/self/mountinfo", "1 0 0:1 / / rw\n");
  host.directory("/home/dev/app/.git");
  put_process(host, "30", "claudebox", "pid:[1]");
  return host;
}

/// Outcomes by row after a run between the two.
std::map<std::string, Result> judged(const FakeHost& before, const FakeHost& after,
                                     const plan::Plan& plan = plan_with_stub()) {
  std::vector<Row> rows;
  for (const char* id : {"ends.processes", "ends.namespaces", "ends.mounts", "ends.files"})
    rows.push_back({.id = id, .promise = "ENDS", .attempt = "leave"});
  Aftermath(plan, before).judge(rows, after, kToken, kSpace, kEnd);
  std::map<std::string, Result> out;
  for (const auto& row : rows) out[row.id] = row.outcome;
  return out;
}

std::map<std::string, Result> all_but(const std::string& id, Result outcome = Result::broken) {
  std::map<std::string, Result> out;
  for (const char* each : {"ends.processes", "ends.namespaces", "ends.mounts", "ends.files"})
    out[each] = each == id ? outcome : Result::held;
  return out;
}

TEST(Aftermath, OfABoxThatLeftNothing) {
  EXPECT_EQ(judged(quiet(), quiet()), all_but(""));
}

TEST(Aftermath, SeesTheProcessThatTheProbeLeft) {
  auto after = quiet();
  put_process(after, "99", std::string("probe") + '\0' + "linger=" + kToken, "pid:[1]");
  EXPECT_EQ(judged(quiet(), after), all_but("ends.processes"));
}

TEST(Aftermath, SeesAChildThatWasNotThereBefore) {
  auto after = quiet();
  after.file("/proc/thread-self/children", "31 32 33 ");
  EXPECT_EQ(judged(quiet(), after), all_but("ends.processes"));
}

TEST(Aftermath, SeesWhoIsStillInTheNamespace) {
  auto after = quiet();
  put_process(after, "99", "sleep", kSpace);
  EXPECT_EQ(judged(quiet(), after), all_but("ends.namespaces"));
}

TEST(Aftermath, TakesNoLaterNamespaceOfTheSameNumberForIt) {
  auto after = quiet();
  put_process(after, "99", "sleep", kSpace, kEnd);
  EXPECT_EQ(judged(quiet(), after), all_but(""));
}

TEST(Aftermath, SeesMountsWhereABoxHasSomething) {
  const std::string root = "1 0 0:1 / / rw\n";
  for (const std::string& point :
       {std::string("/home/dev/app/.git"), runtime::kBoxRoot + std::string("/usr")}) {
    auto after = quiet();
    after.file("/proc/self/mountinfo", root + "2 1 0:1 / " + point + " rw\n");
    EXPECT_EQ(judged(quiet(), after), all_but("ends.mounts")) << point;
    EXPECT_EQ(judged(after, after), all_but("")) << point;
  }
  auto elsewhere = quiet();
  elsewhere.file("/proc/self/mountinfo", root + "2 1 0:1 / /media/stick rw\n");
  EXPECT_EQ(judged(quiet(), elsewhere), all_but(""));
}

TEST(Aftermath, SeesAStandInThatStayed) {
  auto after = quiet();
  after.file("/home/dev/app/.git/commondir");
  EXPECT_EQ(judged(quiet(), after), all_but("ends.files"));
  EXPECT_EQ(judged(after, after), all_but("ends.files", Result::untried));  // somebody else's
}

TEST(Aftermath, DoesNotGuessWhereProcSaysNothing) {
  FakeHost blind = quiet();
  FakeHost after;
  after.file("/proc/thread-self/children", "").file("/proc/self/mountinfo", "");
  EXPECT_EQ(judged(blind, after).at("ends.namespaces"), Result::untried);
}

}  // namespace
}  // namespace claudebox::selftest
