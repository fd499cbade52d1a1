#include <gmock/gmock.h>

#include "planned_host.h"

namespace claudebox::plan {
namespace {

using ::testing::HasSubstr;

FakeHost nix_host(const std::string& conf = "sandbox = true\n") {
  FakeHost host = debian();
  host.directory("/nix/store").other("/nix/var/nix/daemon-socket/socket", sys::FileKind::socket);
  host.file("/etc/nix/nix.conf", conf).file("/etc/group", "root:x:0:\nwheel:x:10:ann,dev\nstaff:x:50:ann\n");
  return host;
}

Request with_daemon(Tier tier = Tier::offline) {
  Request request = run_true(tier);
  request.nix_daemon = base::Origin{base::Origin::Kind::flag, "--nix-daemon", "asked for"};
  request.nix_daemon_network = true;
  return request;
}

TEST(NixDaemon, IsTheSocketsDirectoryAndTheStoreReadOnly) {
  const Plan plan = must_plan(nix_host(), with_daemon());
  for (const std::string path : {"/nix/store", "/nix/var/nix/daemon-socket"}) {
    const Mount* mount = mount_on(plan, path);
    ASSERT_TRUE(mount) << path;
    EXPECT_EQ(mount->kind, Mount::Kind::read_only);
  }
  EXPECT_EQ(value_of(plan, "NIX_REMOTE"), "daemon");
  EXPECT_TRUE(plan.nix_daemon);
}

TEST(NixDaemon, IsNotThereUnlessAskedFor) {
  const Plan plan = must_plan(nix_host());
  EXPECT_FALSE(mount_on(plan, "/nix/var/nix/daemon-socket"));
  EXPECT_FALSE(mount_on(plan, "/nix/store"));
  EXPECT_EQ(value_of(plan, "NIX_REMOTE"), "(unset)");
}

TEST(NixDaemon, TakesASecondWordWhereItsBuildsLeaveTheTier) {
  Request request = with_daemon(Tier::offline);
  request.nix_daemon_network = false;
  EXPECT_THAT(must_refuse(nix_host(), request).message, HasSubstr("offline does not hold"));
  request.network.value = Tier::full;
  EXPECT_TRUE(must_plan(nix_host(), request).nix_daemon);
  request = run_true();
  request.nix_daemon_network = true;
  EXPECT_THAT(must_refuse(nix_host(), request).message, HasSubstr("goes with --nix-daemon"));
}

TEST(NixDaemon, HasNoSideDoor) {
  for (const std::string source :
       {"/nix", "/nix/var", "/nix/var/nix/daemon-socket", "/nix/var/nix/daemon-socket/socket"}) {
    Request request = run_true();
    request.mounts = {{.source = source, .target = "/mnt/x", .writable = false, .origin = {}}};
    EXPECT_THAT(must_refuse(nix_host(), request).message, HasSubstr("the socket of the Nix daemon"))
        << source;
  }
  Request request = run_true();
  request.mounts = {{.source = "/nix/store", .target = {}, .writable = false, .origin = {}}};
  EXPECT_TRUE(mount_on(must_plan(nix_host(), request), "/nix/store"));
}

TEST(NixDaemon, MustBeThere) {
  FakeHost host = debian();
  EXPECT_THAT(must_refuse(host, with_daemon()).message, HasSubstr("no Nix daemon here"));
}

TEST(NixDaemon, IsRefusedToWhomItTrusts) {
  for (const std::string conf :
       {"trusted-users = root dev\n", "trusted-users = root @wheel\n", "trusted-users=\ntrusted-users = *\n",
        "extra-trusted-users = dev # me\n", "\ttrusted-users\t=\troot\tdev\r\n", "trusted-users = @dev\n",
        "trusted-users = @only-in-ldap\n", "trusted-users = root\nextra-trusted-users = @wheel\n"}) {
    const auto problem = must_refuse(nix_host(conf), with_daemon());
    EXPECT_THAT(problem.message, HasSubstr("would be root on this machine")) << conf;
    EXPECT_EQ(problem.exit, base::ExitCode::setup);
  }
}

TEST(NixDaemon, IsGrantedToOthers) {
  for (const std::string conf :
       {"", "trusted-users = root\n", "trusted-users = root @staff\n", "# trusted-users = dev\n",
        "trusted-users = dev\ntrusted-users = root\n", "allowed-users = *\n", "trusted-userss = dev\n"})
    EXPECT_TRUE(must_plan(nix_host(conf), with_daemon()).nix_daemon) << conf;
}

TEST(NixDaemon, IncludedFilesCount) {
  FakeHost host = nix_host("trusted-users = root\n!include nix.custom.conf\n!include missing.conf\n");
  host.file("/etc/nix/nix.custom.conf", "extra-trusted-users = dev\n");
  EXPECT_THAT(must_refuse(host, with_daemon()).message, HasSubstr("would be root"));
  FakeHost broken = nix_host("include missing.conf\n");
  EXPECT_THAT(must_refuse(broken, with_daemon()).message, HasSubstr("/etc/nix/missing.conf can't be read"));
  FakeHost loop = nix_host("include nix.conf\n");
  EXPECT_THAT(must_refuse(loop, with_daemon()).message, HasSubstr("can't tell"));
  FakeHost other = nix_host();
  other.file("/etc/xdg/nix/nix.conf", "trusted-users = dev\n");
  EXPECT_THAT(must_refuse(other, with_daemon()).message, HasSubstr("would be root"));
}

TEST(NixDaemon, IsRefusedWhereTheConfigurationCantBeRead) {
  FakeHost host = nix_host();
  host.other("/etc/xdg/nix/nix.conf", sys::FileKind::inaccessible);
  EXPECT_THAT(must_refuse(host, with_daemon()).message, HasSubstr("can't tell"));
}

TEST(NixDaemon, IsRefusedToRoot) {
  FakeHost host = nix_host();
  host.identity_.uid = 0;
  EXPECT_THAT(must_refuse(host, with_daemon()).message, HasSubstr("trusts root"));
}

TEST(NixDaemon, TheProgramsOfTheDefaultProfileAreOnPath) {
  FakeHost host = nix_host();
  host.program("/nix/store/abc-profile/bin/nix")
      .symlink("/nix/var/nix/profiles/default-1-link", "/nix/store/abc-profile")
      .symlink("/nix/var/nix/profiles/default", "default-1-link")
      .set("PATH", "/nix/var/nix/profiles/default/bin:/usr/bin");
  const Plan plan = must_plan(host, with_daemon());
  const Mount* link = mount_on(plan, "/nix/var/nix/profiles/default");
  ASSERT_TRUE(link);
  EXPECT_EQ(link->source, "/nix/store/abc-profile");
  EXPECT_THAT(value_of(plan, "PATH"), HasSubstr("/nix/var/nix/profiles/default/bin"));
}

}  // namespace
}  // namespace claudebox::plan
