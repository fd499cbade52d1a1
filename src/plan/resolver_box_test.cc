#include "plan/resolver_box.h"

#include <gmock/gmock.h>

#include "plan/bwrap_args.h"
#include "planned_host.h"

namespace claudebox::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kEntry = "/home/dev/.claudebox/packages/x";

FakeHost nix_host(bool daemon = true) {
  FakeHost host = debian();
  host.program("/usr/bin/nix").program("/usr/bin/git").program("/usr/bin/slirp4netns");
  host.other("/dev/net/tun", sys::FileKind::device).directory("/nix/var/nix").directory("/nix/store");
  if (daemon) host.other("/nix/var/nix/daemon-socket/socket", sys::FileKind::socket).read_only("/nix");
  host.file("/etc/nix/nix.conf", "").directory("/home/dev/.config/nix").file("/home/dev/.ssh/id", "key");
  host.directory(std::string(kEntry) + "/source").directory(std::string(kEntry) + "/cache");
  host.file("/home/dev/src/app/flake.nix", "{}");
  return host;
}

Package local() {
  return {.flake = "/home/dev/src/app", .local = true, .repository = "/home/dev/src/app", .entry = kEntry};
}

NixTask task() {
  return {.program = "nix",
          .arguments = {"build"},
          .flake = std::string(kEntry) + "/source",
          .cache = std::string(kEntry) + "/cache"};
}

Plan nix_plan(const FakeHost& host) {
  base::Diagnostics problems;
  const auto plan = nix_box(local(), task(), host, problems);
  EXPECT_TRUE(plan);
  return plan.value_or(Plan{});
}

Plan copy_plan(CopyStep step) {
  base::Diagnostics problems;
  const auto plan = copy_box(local(), step, std::string(kEntry) + "/source", nix_host(), problems);
  EXPECT_TRUE(plan);
  return plan.value_or(Plan{});
}

bool shows(const Plan& plan, const std::string& host_path) {
  for (const auto& mount : plan.mounts)
    if (mount.is_bind() && base::is_within(host_path, mount.source)) return true;
  return false;
}

TEST(ResolverBox, GitAndNixNeverMeet) {
  const Plan copy = copy_plan(CopyStep::files);
  EXPECT_EQ(copy.network.value, Tier::offline);
  EXPECT_TRUE(shows(copy, "/home/dev/src/app"));
  EXPECT_FALSE(shows(copy, "/nix/var/nix/daemon-socket/socket"));
  EXPECT_FALSE(shows(copy, "/nix/store"));
  const Plan nix = nix_plan(nix_host());
  EXPECT_FALSE(shows(nix, "/home/dev/src/app"));
  EXPECT_TRUE(shows(nix, "/nix/var/nix/daemon-socket/socket"));
  EXPECT_EQ(nix.network.value, Tier::internet);
}

TEST(ResolverBox, TheCopyIsMadeARepositoryWhereTheProjectIsNot) {
  const Plan plan = copy_plan(CopyStep::repository);
  EXPECT_FALSE(shows(plan, "/home/dev/src/app"));
  EXPECT_TRUE(shows(plan, std::string(kEntry) + "/source"));
}

TEST(ResolverBox, NeitherHasAnythingElseOfTheUsers) {
  for (const auto& plan : {copy_plan(CopyStep::files), nix_plan(nix_host())}) {
    EXPECT_FALSE(shows(plan, "/home/dev/.ssh/id"));
    EXPECT_FALSE(shows(plan, "/home/dev/.claudebox/packages/y"));
    EXPECT_TRUE(plan.new_session);
    EXPECT_EQ(value_of(plan, "GIT_CONFIG_VALUE_1"), "false") << "core.fsmonitor";
    EXPECT_EQ(value_of(plan, "GIT_CONFIG_VALUE_2"), "/dev/null") << "core.hooksPath";
  }
}

TEST(ResolverBox, OnlyTheRecordTheCacheAndASingleUsersStoreCanBeWritten) {
  const auto writable = [](const Plan& plan) {
    std::vector<std::string> out;
    for (const auto& mount : plan.mounts)
      if (mount.kind == Mount::Kind::writable) out.push_back(mount.source);
    return out;
  };
  // The cache of a local flake lies in its record's directory.
  EXPECT_THAT(writable(nix_plan(nix_host())), ElementsAre(kEntry, std::string(kEntry) + "/cache"));
  EXPECT_THAT(writable(nix_plan(nix_host(false))),
              ElementsAre("/nix", kEntry, std::string(kEntry) + "/cache"));
  EXPECT_THAT(writable(copy_plan(CopyStep::files)), ElementsAre(std::string(kEntry) + "/source"));
}

TEST(ResolverBox, TheStoreByItsForm) {
  EXPECT_EQ(nix_store(nix_host()), NixStore::daemon);
  EXPECT_EQ(nix_store(nix_host(false)), NixStore::single_user);
  FakeHost none = nix_host(false);
  none.read_only("/nix");
  EXPECT_EQ(nix_store(none), NixStore::none);
  base::Diagnostics problems;
  EXPECT_FALSE(nix_box(local(), task(), none, problems));
  EXPECT_THAT(problems.items().front().message, HasSubstr("no store of it can be used"));
  EXPECT_EQ(value_of(nix_plan(nix_host()), "NIX_REMOTE"), "daemon");
  EXPECT_EQ(value_of(nix_plan(nix_host(false)), "NIX_REMOTE"), "(unset)");
}

TEST(ResolverBox, AProgramOfTheStoreIsCalledThere) {
  FakeHost host = nix_host();
  const std::string nix = "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-nix/bin/nix";
  host.program(nix)
      .symlink("/home/dev/.nix-profile/bin/nix", nix)
      .set("PATH", "/home/dev/.nix-profile/bin:/usr/bin");
  EXPECT_THAT(nix_plan(host).command.argv, ElementsAre(nix, "build"));
}

TEST(ResolverBox, WhatIsGoneIsAProblem) {
  base::Diagnostics problems;
  NixTask missing = task();
  missing.flake = "/gone";
  EXPECT_FALSE(nix_box(local(), missing, nix_host(), problems));
}

}  // namespace
}  // namespace claudebox::plan
