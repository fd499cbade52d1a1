#include <gmock/gmock.h>

#include "plan/bwrap_args.h"
#include "planned_host.h"

namespace claudebox::plan {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// BOX-3
TEST(System, MergedUsrHasLinksAndUnmergedHasDirectories) {
  EXPECT_EQ(mount_on(must_plan(debian()), "/bin")->kind, Mount::Kind::symlink);
  auto host = debian();
  host.directory("/sbin");
  EXPECT_EQ(mount_on(must_plan(host), "/sbin")->kind, Mount::Kind::read_only);
}

TEST(System, NixosHasItsStore) {
  FakeHost host;
  host.program("/nix/store/abc-system/sw/bin/true")
      .directory("/run")
      .symlink("/run/current-system", "/nix/store/abc-system");
  host.symlink("/etc/static", "/nix/store/abc-etc").file("/nix/store/abc-etc/ssl/certs/ca.crt", "roots");
  host.symlink("/etc/ssl", "/etc/static/ssl").set("PATH", "/run/current-system/sw/bin").at("/home/dev/app");
  host.program("/nix/store/abc-system/sw/bin/bwrap");
  const Plan plan = must_plan(host);
  EXPECT_EQ(mount_on(plan, "/nix/store")->kind, Mount::Kind::read_only);
  EXPECT_EQ(mount_on(plan, "/run/current-system")->source, "/nix/store/abc-system");
  EXPECT_EQ(plan.command.argv.front(), "/run/current-system/sw/bin/true");
  ASSERT_NE(mount_on(plan, "/etc/ssl/certs/ca.crt"), nullptr);
  EXPECT_EQ(mount_on(plan, "/etc/ssl/certs/ca.crt")->content, "roots");
}

TEST(System, HasNoPrivateKeysOfTheHost) {
  auto host = debian();
  host.file("/etc/ssl/private/host.key")
      .file("/etc/ssl/certs/ca.crt")
      .file("/etc/shadow")
      .file("/etc/sudoers");
  for (const auto& mount : must_plan(host).mounts) {
    EXPECT_NE(mount.source, "/etc/ssl");
    EXPECT_NE(mount.source, "/etc");
    EXPECT_NE(mount.source, "/etc/shadow");
  }
}

TEST(System, AccountsAreCutToThisUser) {
  auto host = debian();
  host.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nalice:x:1005:1005::/home/alice:/bin/sh\n");
  const Plan plan = must_plan(host);
  EXPECT_THAT(mount_on(plan, "/etc/passwd")->content,
              AllOf(HasSubstr("dev:x:1000:1000"), Not(HasSubstr("alice"))));
}

TEST(System, Uid0HasProcSysReadOnly) {
  auto host = debian();
  host.identity_.uid = 0;
  host.identity_.gid = 0;
  host.directory("/proc/sys");
  ASSERT_NE(mount_on(must_plan(host), "/proc/sys"), nullptr);
  EXPECT_EQ(mount_on(must_plan(host), "/proc/sys")->kind, Mount::Kind::read_only);
  // For an ordinary user it would only keep the agent's own sandbox from mounting a fresh /proc.
  EXPECT_EQ(mount_on(must_plan(debian()), "/proc/sys"), nullptr);
}

TEST(System, OfflineTellsNothingOfTheHostsNetwork) {
  const Plan offline = must_plan(debian());
  EXPECT_THAT(mount_on(offline, "/etc/hosts")->content, Not(HasSubstr("intern")));
  EXPECT_THAT(mount_on(offline, "/etc/resolv.conf")->content, Not(HasSubstr("10.1.1.1")));
  const Plan full = must_plan(debian(), run_true(Tier::full));
  EXPECT_THAT(mount_on(full, "/etc/hosts")->content, HasSubstr("intern"));
  EXPECT_EQ(mount_on(full, "/etc/resolv.conf")->source, "/etc/resolv.conf");
}

TEST(System, SmallConfigurationIsCopiedAndTreesAreBound) {
  auto host = debian();
  host.file("/etc/profile.d/a.sh", "x")
      .file("/etc/profile.d/b.sh", "y")
      .file("/etc/fonts/conf.d/1.conf")
      .file("/etc/fonts/fonts.conf");
  const Plan plan = must_plan(host);
  EXPECT_EQ(mount_on(plan, "/etc/profile.d/b.sh")->content, "y");
  EXPECT_EQ(mount_on(plan, "/etc/fonts")->kind, Mount::Kind::read_only);
}

// A file that bwrap copies must land in the box's own root: --file below a bind writes into the host's
// directory.
TEST(System, NothingIsCopiedIntoABind) {
  auto host = debian();
  host.program("/home/dev/.npm-global/bin/x").file("/home/dev/.npm-global/.npmrc", "secret");
  host.set("PATH", "/home/dev/.npm-global/bin:/usr/bin");
  const Plan plan = must_plan(host);
  const auto words = bwrap_options(plan);
  for (std::size_t i = 0; i + 2 < words.size(); ++i) {
    const auto* word = std::get_if<std::string>(&words[i]);
    if (!word || *word != "--file") continue;
    const auto target = std::get<std::string>(words[i + 2]);
    for (const auto& mount : plan.mounts)
      EXPECT_FALSE(mount.is_bind() && base::is_within(target, mount.target))
          << target << " in " << mount.target;
  }
  EXPECT_THAT(words, Contains(Word(std::string("--ro-bind-data"))));
}

}  // namespace
}  // namespace claudebox::plan
