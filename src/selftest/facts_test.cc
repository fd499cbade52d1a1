#include "selftest/facts.h"

#include <gmock/gmock.h>

#include "fake_host.h"

namespace claudebox::selftest {
namespace {

using claudebox::testing::FakeHost;
using plan::Mount;
using plan::Purpose;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

FakeHost host() {
  FakeHost made;
  made.file("/home/dev/.ssh/id_ed25519").file("/home/dev/.aws/credentials").file("/home/dev/notes");
  made.directory("/home/dev/src/app")
      .directory("/home/dev/src/other")
      .file("/etc/shadow")
      .file("/usr/bin/true");
  return made;
}

plan::Plan plan_of_project() {
  plan::Plan plan;
  plan.network.value = plan::Tier::offline;
  plan.user_home = "/home/dev";
  plan.project.root = "/home/dev/src/app";
  plan.mounts = {{.kind = Mount::Kind::read_only, .target = "/usr", .source = "/usr"},
                 {.kind = Mount::Kind::writable,
                  .target = plan.project.root,
                  .source = plan.project.root,
                  .purpose = Purpose::project}};
  return plan;
}

auto fact(const std::string& key, const std::string& path) {
  return Contains(AllOf(StartsWith(key + "="), EndsWith(":" + path)));
}

TEST(HostFacts, NameWhatTheBoxMayNotHave) {
  const auto facts = host_facts(plan_of_project(), host());
  EXPECT_THAT(facts, fact("secret", "/home/dev/.ssh"));
  EXPECT_THAT(facts, fact("secret", "/home/dev/.aws"));
  EXPECT_THAT(facts, fact("home", "/home/dev/notes"));
  EXPECT_THAT(facts, fact("beside", "/home/dev/src/other"));
  EXPECT_THAT(facts, fact("secret", "/etc/shadow"));
  EXPECT_THAT(facts, fact("system", "/etc"));
  EXPECT_THAT(facts, Contains("offline=1"));
}

TEST(HostFacts, LeaveOutWhatThePlanGrants) {
  auto plan = plan_of_project();
  plan.mounts.push_back({.kind = Mount::Kind::read_only,
                         .target = "/keys",
                         .source = "/home/dev/.ssh",
                         .purpose = Purpose::extra});
  for (const auto& text : host_facts(plan, host())) {
    EXPECT_THAT(text, Not(EndsWith(":/home/dev/.ssh")));
    EXPECT_THAT(text, Not(EndsWith(":/usr")));
    EXPECT_THAT(text, Not(EndsWith(":/home/dev/src/app")));
  }
}

TEST(HostFacts, NameVariablesThatAreNotPlannedAndNoValue) {
  auto machine = host();
  machine.set("SECRET_FOR_TESTS", "FAKE-VALUE").set("LANG", "C.UTF-8");
  auto plan = plan_of_project();
  plan.env = {{.name = "LANG", .value = "C.UTF-8"}};
  const auto facts = host_facts(plan, machine);
  EXPECT_THAT(facts, Contains("variable=SECRET_FOR_TESTS"));
  EXPECT_THAT(facts, Not(Contains("variable=LANG")));
  EXPECT_THAT(facts, Not(Contains(HasSubstr("FAKE-VALUE"))));
}

TEST(HostFacts, NameCoversAndPinsOfTheProject) {
  auto plan = plan_of_project();
  for (const auto kind : {Mount::Kind::read_only, Mount::Kind::writable}) {
    const std::string path = plan.project.root + (kind == Mount::Kind::read_only ? "/.git/config" : "/.git");
    plan.mounts.push_back({.kind = kind, .target = path, .source = path, .purpose = Purpose::protection});
  }
  plan.mounts.push_back({.kind = Mount::Kind::read_only,
                         .target = "/proc/sys",
                         .source = "/proc/sys",
                         .purpose = Purpose::protection});
  const auto facts = host_facts(plan, host());
  EXPECT_THAT(facts, Contains("covered=/home/dev/src/app/.git/config"));
  EXPECT_THAT(facts, Contains("pinned=/home/dev/src/app/.git"));
  EXPECT_THAT(facts, Not(Contains("covered=/proc/sys")));
}

TEST(HostFacts, NameSocketsByTheirKind) {
  auto machine = host();
  const std::pair<const char*, const char*> sockets[] = {
      {"dbus", "/run/dbus/system_bus_socket"}, {"dbus", "/tmp/my bus"},
      {"containers", "/run/docker.sock"},      {"containers", "/home/dev/.colima/docker.sock"},
      {"agent", "/tmp/ssh-1/agent.2"},         {"agent", "/run/user/1000/gnupg/S.gpg-agent"},
      {"socket", "/tmp/.X11-unix/X0"}};
  for (const auto& [key, path] : sockets) machine.other(path, sys::FileKind::socket);
  machine.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/tmp/my bus,guid=1234");
  machine.set("DOCKER_HOST", "unix:///home/dev/.colima/docker.sock")
      .set("SSH_AUTH_SOCK", "/tmp/ssh-1/agent.2");
  auto plan = plan_of_project();
  plan.uid = 1000;
  const auto facts = host_facts(plan, machine);
  for (const auto& [key, path] : sockets) EXPECT_THAT(facts, fact(key, path));
}

TEST(HostFacts, NameLimitsThatHold) {
  using By = plan::Limit::By;
  using plan::LimitKind;
  auto plan = plan_of_project();
  plan.limits.all = {{.kind = LimitKind::memory, .amount = 10, .by = By::group},
                     {.kind = LimitKind::processes, .amount = 20, .by = By::nothing},
                     {.kind = LimitKind::open_files, .amount = 30, .by = By::resource}};
  const auto facts = host_facts(plan, host());
  EXPECT_THAT(facts, Contains("limit.memory-group=10"));
  EXPECT_THAT(facts, Contains("limit.open-files=30"));
  EXPECT_THAT(facts, Not(Contains(StartsWith("limit.processes="))));
}

TEST(HostFacts, CountThePathsOfTheStore) {
  auto plan = plan_of_project();
  plan.mounts.push_back(
      {.kind = Mount::Kind::store, .target = "/nix/store", .source = "/nix/store", .names = {"a", "b"}});
  plan.mounts.push_back(
      {.kind = Mount::Kind::read_only, .target = "/nix/store/c/bin", .source = "/nix/store/c/bin"});
  EXPECT_THAT(host_facts(plan, host()), AllOf(Contains("store=/nix/store"), Contains("store-paths=3")));
}

TEST(HostFacts, CompareTheNetworkNamespaceOnlyWhereTheBoxHasItsOwn) {
  auto machine = host();
  machine.symlink("/proc/self/ns/net", "net:[1]").symlink("/proc/self/ns/pid", "pid:[2]");
  auto plan = plan_of_project();
  EXPECT_THAT(host_facts(plan, machine), AllOf(Contains("namespace=net:[1]"), Contains("namespace=pid:[2]")));
  plan.network.value = plan::Tier::full;
  EXPECT_THAT(host_facts(plan, machine), Not(Contains("namespace=net:[1]")));
}

TEST(ProcessFacts, FollowTheParentsWhateverTheirNames) {
  FakeHost machine;
  const std::string rest = " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 ";
  machine.file("/proc/30/stat", "30 (claudebox) S 20" + rest + "777 0\n");
  machine.file("/proc/20/stat", "20 (a) b) S 0" + rest + "555 0\n");
  EXPECT_THAT(process_facts(machine, 30),
              ::testing::ElementsAre("process=777:claudebox", "pid=30", "process=555:a) b", "pid=20"));
}

}  // namespace
}  // namespace claudebox::selftest
