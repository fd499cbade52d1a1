#include "plan/limits.h"

#include "planned_host.h"

namespace claudebox::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Way = CgroupPlace::Way;
using By = Limit::By;

constexpr const char* kGroup = "/user.slice/user-1000.slice/user@1000.service/app.slice/a.scope";

Request limited() {
  Request request = run_true();
  request.limits = {{LimitKind::open_files, 4096, {}},
                    {LimitKind::processes, 500, {}},
                    {LimitKind::cpu, 150, {}},
                    {LimitKind::memory, 8ULL << 30, {}}};
  return request;
}

/// cgroup v1, as on older machines.
FakeHost old_host() {
  FakeHost host = debian();
  host.file("/proc/sys/kernel/osrelease", "6.1.0-13-amd64\n");
  host.directory("/sys/fs/cgroup/memory").file("/proc/self/cgroup", "4:memory:/\n0::/\n");
  return host;
}

/// cgroup v2 without systemd; `processes` is what is in claudebox's own group.
FakeHost delegated(const std::string& processes = "4711\n") {
  FakeHost host = debian();
  const std::string root = "/sys/fs/cgroup";
  host.file("/proc/sys/kernel/osrelease", "6.1.0-13-amd64\n");
  host.file("/proc/self/cgroup", std::string("0::") + kGroup + "\n");
  host.file(root + "/cgroup.controllers", "cpuset cpu io memory hugetlb pids\n");
  host.file(root + kGroup + "/cgroup.controllers", "memory pids\n");
  host.file(root + kGroup + "/cgroup.subtree_control").file(root + kGroup + "/cgroup.type", "domain\n");
  host.file(root + kGroup + "/cgroup.procs", processes);
  return host;
}

FakeHost systemd() {
  FakeHost host = delegated();
  host.read_only("/sys/fs/cgroup");
  host.program("/usr/bin/busctl").directory("/run/systemd/system");
  host.other("/run/user/1000/bus", sys::FileKind::socket);
  host.file("/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers",
            "cpu memory pids\n");
  return host;
}

std::vector<By> held(const Plan& plan) {
  std::vector<By> out;
  for (const auto& limit : plan.limits.all) out.push_back(limit.by);
  return out;
}

TEST(Limits, NoneIsNothing) {
  EXPECT_EQ(must_plan(systemd()).limits, Limits{});
}

TEST(Limits, WithoutCgroup2TheyAreResourceLimitsAndCpuIsSaidNotToApply) {
  const Plan plan = must_plan(old_host(), limited());
  ASSERT_THAT(held(plan), ElementsAre(By::resource, By::nothing, By::resource, By::resource));
  EXPECT_EQ(plan.limits.all.front().kind, LimitKind::memory);
  EXPECT_EQ(plan.limits.all.front().amount, 8ULL << 30);
  EXPECT_EQ(plan.limits.all[1].reason, "there is no cgroup v2 at /sys/fs/cgroup");
  EXPECT_EQ(plan.limits.place, CgroupPlace{});
}

/// What the kernel does not do is not promised.
TEST(Limits, TheNumberOfProcessesIsHeldWhereTheKernelCountsThem) {
  FakeHost host = old_host();
  host.identity_.uid = 0;
  EXPECT_THAT(held(must_plan(host, limited())),
              ElementsAre(By::resource, By::nothing, By::nothing, By::resource));
  host = old_host();
  for (const auto& [release, by] : std::vector<std::pair<std::string, By>>{{"5.13.19\n", By::nothing},
                                                                           {"5.14.0\n", By::resource},
                                                                           {"10.0\n", By::resource},
                                                                           {"", By::nothing}}) {
    host.file("/proc/sys/kernel/osrelease", release);
    EXPECT_EQ(must_plan(host, limited()).limits.all[2].by, by) << release;
  }
}

TEST(Limits, SystemdMakesAScope) {
  const Plan plan = must_plan(systemd(), limited());
  EXPECT_THAT(held(plan), ElementsAre(By::group, By::group, By::group, By::resource));
  EXPECT_EQ(plan.limits.place.way, Way::systemd);
  EXPECT_THAT(plan.limits.place.bus,
              ElementsAre("/usr/bin/busctl", "--address=unix:path=/run/user/1000/bus"));
}

TEST(Limits, AControllerThatIsNotDelegatedIsNotCountedOn) {
  FakeHost host = systemd();
  host.file("/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers",
            "memory pids\n");
  const Plan plan = must_plan(host, limited());
  EXPECT_THAT(held(plan), ElementsAre(By::group, By::nothing, By::group, By::resource));
  EXPECT_EQ(plan.limits.all[1].reason, "the controller cpu is not delegated to you");
}

TEST(Limits, SomebodyElsesBusIsNotAsked) {
  FakeHost host = systemd();
  host.owner("/run/user/1000/bus", 4711);
  EXPECT_EQ(find_cgroup_place(host).way, Way::none);
  EXPECT_THAT(find_cgroup_place(host).reason, HasSubstr("delegated to you"));
}

TEST(Limits, RootAsksTheSystemsOwn) {
  FakeHost host = systemd();
  host.identity_.uid = 0;
  host.other("/run/dbus/system_bus_socket", sys::FileKind::socket);
  const auto place = find_cgroup_place(host);
  EXPECT_THAT(place.bus, ElementsAre("/usr/bin/busctl", "--system"));
  EXPECT_THAT(place.controllers, ElementsAre("memory", "cpu", "pids"));
}

TEST(Limits, ADelegatedGroupThatIsClaudeboxsAlone) {
  const Plan plan = must_plan(delegated(), limited());
  EXPECT_EQ(plan.limits.place.way, Way::delegated);
  EXPECT_EQ(plan.limits.place.directory, std::string("/sys/fs/cgroup") + kGroup);
  EXPECT_TRUE(plan.limits.place.move_away);
  EXPECT_THAT(held(plan), ElementsAre(By::group, By::nothing, By::group, By::resource));
}

/// A cgroup with limits for its children can't have processes of its own (cgroup-v2.rst).
TEST(Limits, AGroupWithOthersInItIsNone) {
  EXPECT_EQ(find_cgroup_place(delegated("1\n4711\n")).way, Way::none);
}

TEST(Limits, AGroupThatCantBeWrittenIsNone) {
  FakeHost host = delegated();
  host.read_only("/sys/fs/cgroup");
  EXPECT_EQ(find_cgroup_place(host).way, Way::none);
}

TEST(Limits, OpenFilesThatCantStartThisBoxAreRefused) {
  Request request = run_true();
  request.limits = {{LimitKind::open_files, 64, {}}};
  EXPECT_THAT(must_refuse(old_host(), request).message, HasSubstr("too little for this box"));
}

TEST(Limits, AmountsAreSpelledAsTheyAreRead) {
  EXPECT_EQ(limit_amount(LimitKind::memory, 8ULL << 30), "8G");
  EXPECT_EQ(limit_amount(LimitKind::memory, 1536ULL << 20), "1536M");
  EXPECT_EQ(limit_amount(LimitKind::memory, 16385ULL << 10), "16385K");
  EXPECT_EQ(limit_amount(LimitKind::memory, 2ULL << 40), "2T");
  EXPECT_EQ(limit_amount(LimitKind::memory, 4096ULL << 40), "4096T");
  EXPECT_EQ(limit_amount(LimitKind::cpu, 150), "150%");
}

}  // namespace
}  // namespace claudebox::plan
