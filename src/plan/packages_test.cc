#include "plan/packages.h"

#include <gmock/gmock.h>

#include "plan/flake_source.h"
#include "plan/package_record.h"
#include "planned_host.h"

namespace claudebox::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kHello = "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-hello-1.0";
const std::string kLibc = "/nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-libc";
constexpr const char* kProject = "/home/dev/src/app";

FakeHost nix_host() {
  FakeHost host = debian();
  host.program("/usr/bin/nix").program(kHello + "/bin/hello").directory(kLibc);
  host.file("/etc/nix/nix.conf", "substituters =\n");
  return host;
}

Request hello() {
  Request request = run_true();
  request.packages = {{.flake = "nixpkgs",
                       .attribute = "hello",
                       .local = false,
                       .origin = {base::Origin::Kind::flag, "--package hello", "asked for"}}};
  return request;
}

/// As a resolution would have left it.
void resolve(FakeHost& host, const Request& request, const std::map<std::string, std::string>& files = {},
             const std::map<std::string, std::string>& trees = {}) {
  const Plan plan = must_plan(host, request);
  ASSERT_FALSE(plan.packages.empty());
  const Package& package = plan.packages.front();
  const std::string root = package.entry + "/root-1";
  host.symlink(root, kHello).symlink("/nix/var/nix/gcroots/auto/x", root);
  host.file(package.entry + "/record.json",
            format_package_record({.name = package.name(),
                                   .kind = "package",
                                   .settings = package.settings,
                                   .files = files,
                                   .trees = trees,
                                   .outputs = {kHello},
                                   .closure = {kHello, kLibc},
                                   .path = {kHello + "/bin"},
                                   .variables = {{"HELLO_DIR", kHello}, {"PATH", "/x"}},
                                   .withheld = {{"DATABASE_URL", "here"}},
                                   .roots = {{root, kHello}, {"/nix/var/nix/gcroots/auto/x", root}}}),
            0600);
}

FakeHost resolved() {
  FakeHost host = nix_host();
  resolve(host, hello());
  return host;
}

bool holds(const FakeHost& host, const Request& request = hello()) {
  return packages_resolved(must_plan(host, request));
}

TEST(Packages, WithoutThemNothingIsThere) {
  const Plan plan = must_plan(nix_host());
  EXPECT_TRUE(plan.packages.empty());
  EXPECT_FALSE(mount_on(plan, "/nix/store"));
}

TEST(Packages, UnresolvedTheyAreInThePlanAndTheCommandMayComeFromThem) {
  Request request = hello();
  request.arguments = {"hello"};
  const Plan plan = must_plan(nix_host(), request);
  ASSERT_EQ(plan.packages.size(), 1U);
  EXPECT_FALSE(plan.packages.front().resolved);
  EXPECT_FALSE(mount_on(plan, "/nix/store"));
  EXPECT_EQ(plan.command.argv.front(), "hello");
}

TEST(Packages, ResolvedTheirClosureIsThereAndNothingElseOfTheStore) {
  Request request = hello();
  request.arguments = {"hello"};
  const Plan plan = must_plan(resolved(), request);
  const Mount* store = mount_on(plan, "/nix/store");
  ASSERT_TRUE(store);
  EXPECT_EQ(store->kind, Mount::Kind::store);
  EXPECT_THAT(store->names, ElementsAre(kHello.substr(11), kLibc.substr(11)));
  EXPECT_EQ(plan.command.argv.front(), kHello + "/bin/hello");
  EXPECT_THAT(value_of(plan, "PATH"), HasSubstr("/.local/box/bin:" + kHello + "/bin:/usr/bin"));
}

TEST(Packages, ADevShellsVariablesGiveWayToTheBoxsOwn) {
  const Plan plan = must_plan(resolved(), hello());
  EXPECT_EQ(value_of(plan, "HELLO_DIR"), kHello);
  EXPECT_THAT(value_of(plan, "PATH"), HasSubstr("/usr/bin"));
  EXPECT_EQ(value_of(plan, "DATABASE_URL"), "(unset)");
  Request granted = hello();
  granted.env = {{.name = "DATABASE_URL", .value = {}, .origin = {}}};
  EXPECT_EQ(value_of(must_plan(resolved(), granted), "DATABASE_URL"), "here");
  FakeHost host = resolved();
  host.set("DATABASE_URL", "the host's");
  EXPECT_EQ(value_of(must_plan(host, granted), "DATABASE_URL"), "the host's");
}

TEST(Packages, ARecordHoldsNoLongerThanWhatItDependsOn) {
  ASSERT_TRUE(holds(resolved()));
  FakeHost host = resolved();
  host.file("/etc/nix/registry.json", "{}");
  EXPECT_FALSE(holds(host)) << "the registry";
  host = resolved();
  host.set("NIX_CONFIG", "x");
  EXPECT_FALSE(holds(host)) << "the configuration";
  host = resolved();
  host.symlink("/nix/var/nix/gcroots/auto/x", "/elsewhere");
  EXPECT_FALSE(holds(host)) << "the collector's root";
}

TEST(Packages, AMissingPathResolvesAnew) {
  FakeHost bare = debian();
  bare.program("/usr/bin/nix").file("/etc/nix/nix.conf", "substituters =\n").directory(kHello);
  resolve(bare, hello());
  EXPECT_FALSE(holds(bare)) << "libc is gone";
}

TEST(Packages, ARecordThatOthersMayWriteIsNone) {
  FakeHost host = resolved();
  const std::string record = must_plan(host, hello()).packages.front().entry + "/record.json";
  host.mode(record, 0666);
  EXPECT_FALSE(holds(host));
  host.mode(record, 0600).owner(record, 1);
  EXPECT_FALSE(holds(host));
}

TEST(Packages, WithoutNixOnlyWhatIsResolved) {
  EXPECT_THAT(must_refuse(debian(), hello()).message, HasSubstr("nix is not installed"));
}

TEST(Packages, TheWholeStoreMakesAClosureNeedless) {
  FakeHost host = resolved();
  Request request = hello();
  request.mounts = {{.source = "/nix/store", .target = "", .writable = false, .origin = {}}};
  const Plan plan = must_plan(host, request);
  EXPECT_EQ(mount_on(plan, "/nix/store")->kind, Mount::Kind::read_only);
}

Request own_flake() {
  Request request = run_true();
  request.devshell = PackageRequest{".", {}, true, {base::Origin::Kind::flag, "--devshell .", "asked for"}};
  return request;
}

TEST(LocalFlake, IsEvaluatedOnlyAsItWasApproved) {
  FakeHost host = nix_host();
  EXPECT_THAT(must_refuse(host, own_flake()).message, HasSubstr("there is no flake in"));
  host.file("/home/dev/src/app/flake.nix", "{}").file("/home/dev/src/app/x.nix", "1");
  const auto refused = must_refuse(host, own_flake());
  EXPECT_THAT(refused.message, HasSubstr("has not been approved"));
  EXPECT_THAT(refused.hint, HasSubstr("claudebox trust"));

  Request request = own_flake();
  request.approved_flakes[kProject] = flake_text(host, kProject, flake_files(host, kProject, kProject));
  EXPECT_FALSE(packages_resolved(must_plan(host, request)));
  host.file("/home/dev/src/app/x.nix", "2");
  EXPECT_THAT(must_refuse(host, request).message, HasSubstr("has changed since you approved it (x.nix)"));
}

TEST(LocalFlake, ARecordIsForTheFilesThatWereRead) {
  FakeHost host = nix_host();
  host.file("/home/dev/src/app/flake.nix", "{}").file("/home/dev/src/app/src/a", "1");
  Request request = own_flake();
  const std::string text = flake_text(host, kProject, flake_files(host, kProject, kProject));
  request.approved_flakes[kProject] = text;
  resolve(host, request, {{"flake.nix", file_digest(host, "/home/dev/src/app/flake.nix")}},
          {{"src", tree_digest(host, kProject, "src")}});
  EXPECT_TRUE(holds(host, request));
  FakeHost changed = host;
  changed.file("/home/dev/src/app/src/b", "");
  const auto approve = [&](const FakeHost& now) {
    request.approved_flakes[kProject] = flake_text(now, kProject, {.names = {"flake.nix"}, .complete = true});
  };
  approve(changed);
  EXPECT_FALSE(holds(changed, request)) << "a directory that goes into the store";
  changed = host;
  changed.file("/home/dev/src/app/flake.nix", "{ }");
  approve(changed);
  EXPECT_FALSE(holds(changed, request)) << "a file that was read, also where the change was approved";
}

TEST(LocalFlake, TheProjectsOwnIsTheNearestOne) {
  FakeHost host = nix_host();
  host.file("/home/dev/src/app/flake.nix", "{}").file("/home/dev/src/app/sub/flake.nix", "{}");
  host.directory("/home/dev/src/app/sub/deep").at("/home/dev/src/app/sub/deep");
  host.file("/home/dev/src/app/.git/HEAD", "ref: refs/heads/main\n")
      .directory("/home/dev/src/app/.git/objects");
  host.directory("/home/dev/src/app/.git/refs").file("/home/dev/src/app/.git/config", "");
  base::Diagnostics problems;
  const auto flakes = local_flakes(own_flake(), host, problems);
  ASSERT_EQ(flakes.size(), 1U);
  EXPECT_EQ(flakes.front().directory, "/home/dev/src/app/sub");
  EXPECT_EQ(flakes.front().root, kProject);
}

}  // namespace
}  // namespace claudebox::plan
