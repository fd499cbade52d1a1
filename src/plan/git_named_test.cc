#include <gmock/gmock.h>

#include "git_host.h"

namespace claudebox::plan {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(GitProtection, HooksPathAndIncludesInTheProjectAreCovered) {
  auto host = repository("[core]\n\thooksPath = build/hooks\n[include]\n\tpath = ../shared/gitconfig\n");
  host.directory(kProject + "/build/hooks").file(kProject + "/shared/gitconfig");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kProject + "/build/hooks"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/build"));
  EXPECT_TRUE(is_covered(plan, kProject + "/shared/gitconfig"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/shared"));
}

TEST(GitProtection, AHooksPathThatDoesNotExistIsReportedWhenItComes) {
  const Plan plan = protect(repository("[core]\n\thooksPath = .githooks\n"));
  EXPECT_THAT(plan.sweeps, Contains(Field(&Sweep::path, kProject + "/.githooks")));
}

// The host's own configuration can name hooks in the project, or lie in it (a dotfiles repository).
TEST(GitProtection, TheHostsConfigurationIsConsidered) {
  auto host = repository();
  host.file("/home/dev/.gitconfig", "[core]\n\thooksPath = .githooks\n[include]\n\tpath = ~/app/gitconfig\n");
  host.directory(kProject + "/.githooks").file(kProject + "/gitconfig");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kProject + "/.githooks"));
  EXPECT_TRUE(is_covered(plan, kProject + "/gitconfig"));
  auto linked = repository();
  linked.symlink("/home/dev/.gitconfig", kProject + "/dot.gitconfig").file(kProject + "/dot.gitconfig");
  EXPECT_TRUE(is_covered(protect(linked), kProject + "/dot.gitconfig"));
}

TEST(GitProtection, ProgramsThatTheConfigurationNamesAreCovered) {
  auto host = repository(
      "[filter \"x\"]\n\tclean = python3 'tools/clean.py' %f\n[alias]\n\tx = !./run --all\n"
      "[branch \"m\"]\n\tmerge = refs/heads/m\n[core]\n\tfsmonitor = .git/hooks/watch\n");
  host.file(kProject + "/tools/clean.py").program(kProject + "/run").file(kProject + "/refs/heads/m");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kProject + "/tools/clean.py"));
  EXPECT_TRUE(is_pinned(plan, kProject + "/tools"));
  EXPECT_TRUE(is_covered(plan, kProject + "/run"));
  EXPECT_FALSE(is_covered(plan, kProject + "/refs/heads/m"));
}

TEST(GitProtection, HooksThatCannotBeCoveredAreReported) {
  // The project itself as the hooks directory.
  EXPECT_THAT(protect(repository("[core]\n\thooksPath = .\n")).notes,
              Contains(Field(&Note::level, Note::Level::danger)));
  // A link on the way could be replaced.
  auto host = repository("[core]\n\thooksPath = link/hooks\n");
  host.symlink(kProject + "/link", "build").directory(kProject + "/build/hooks");
  const Plan plan = protect(host);
  EXPECT_TRUE(is_covered(plan, kProject + "/build/hooks"));
  EXPECT_THAT(plan.sweeps, Contains(Field(&Sweep::path, kProject + "/link/hooks")));
  // Not in the box at all: nothing to protect, but worth knowing.
  auto outside = repository("[core]\n\thooksPath = /home/dev/hooks\n");
  outside.directory("/home/dev/hooks");
  EXPECT_THAT(protect(outside).notes, Contains(Field(&Note::text, HasSubstr("run no hooks"))));
}

TEST(GitProtection, IncludesAreFollowedWithABound) {
  auto host = repository("[include]\n\tpath = ../a\n");
  host.file(kProject + "/a", "[include]\n\tpath = a\n[includeIf \"onbranch:x\"]\n\tpath = b\n");
  host.file(kProject + "/b", "[core]\n\thooksPath = h\n").directory(kProject + "/h");
  const Plan plan = protect(host);
  for (const std::string name : {"/a", "/b", "/h"}) EXPECT_TRUE(is_covered(plan, kProject + name)) << name;
  EXPECT_THAT(plan.notes, Contains(Field(&Note::level, Note::Level::warning)));  // a includes itself
}

TEST(GitProtection, SecretsAndSigningInTheConfigurationAreNoted) {
  for (const std::string config :
       {"[remote \"o\"]\n\turl = https://me:pass@example.org/x\n",
        "[http \"https://github.com/\"]\n\textraheader = AUTHORIZATION: basic eA==\n"}) {
    EXPECT_THAT(protect(repository(config)).notes,
                Contains(Field(&Note::text, HasSubstr("password or token"))));
  }
  for (const std::string url :
       {"https://example.org/a:b@c", "git@example.org:x/y", "ssh://git@example.org/x"})
    EXPECT_THAT(protect(repository("[remote \"o\"]\n\turl = " + url + "\n")).notes, IsEmpty()) << url;
  EXPECT_THAT(protect(repository("[commit]\n\tgpgSign = true\n")).notes,
              Contains(Field(&Note::text, HasSubstr("commit.gpgSign=false"))));
}

}  // namespace
}  // namespace claudebox::plan
