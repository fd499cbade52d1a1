#include "plan/flake_source.h"

#include <gmock/gmock.h>

#include "fake_host.h"

namespace claudebox::plan {
namespace {

using ::testing::ElementsAre;
using testing::FakeHost;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kRoot = "/home/dev/p";

FakeHost host() {
  FakeHost host;
  host.file("/home/dev/p/flake.nix", "{ a\n}\n").file("/home/dev/p/flake.lock", "{}");
  host.file("/home/dev/p/nix/shell.nix", "s").file("/home/dev/p/src/main.c", "int main;");
  host.file("/home/dev/p/.git/x.nix", "").file("/home/dev/p/node_modules/y/z.nix", "");
  return host;
}

TEST(FlakeSource, BeforeTheFirstEvaluationEveryFileCounts) {
  const auto files = flake_files(host(), kRoot, kRoot);
  EXPECT_THAT(files.names, ElementsAre("flake.lock", "flake.nix", "nix/shell.nix", "src/main.c"));
  EXPECT_FALSE(files.complete);
}

TEST(FlakeSource, TheTextNamesItsFiles) {
  const std::string text = flake_text(host(), kRoot, {.names = {"flake.nix", "gone"}, .complete = true});
  EXPECT_THAT(text, HasSubstr("  { a\n  }\n"));
  EXPECT_THAT(text, HasSubstr("file gone missing"));
  const auto files = files_of(text);
  EXPECT_THAT(files.names, ElementsAre("flake.nix", "gone"));
  EXPECT_TRUE(files.complete);
  EXPECT_FALSE(files_of(flake_text(host(), kRoot, {.names = {"flake.nix"}, .complete = false})).complete);
}

TEST(FlakeSource, AnyChangeChangesTheText) {
  const FlakeFiles files{.names = {"flake.nix", "nix/shell.nix", "src/main.c"}, .complete = true};
  const std::string before = flake_text(host(), kRoot, files);
  EXPECT_EQ(before, flake_text(host(), kRoot, files));
  for (const std::string name : {"flake.nix", "nix/shell.nix", "src/main.c"}) {
    FakeHost changed = host();
    changed.file(std::string(kRoot) + "/" + name, "other");
    const std::string now = flake_text(changed, kRoot, files);
    EXPECT_NE(now, before) << name;
    EXPECT_THAT(changed_files(before, now), ElementsAre(name));
  }
  FakeHost linked = host();
  linked.symlink("/home/dev/p/src/main.c", "/etc/passwd");
  EXPECT_THAT(changed_files(before, flake_text(linked, kRoot, files)), ElementsAre("src/main.c"));
}

TEST(FlakeSource, AFileCantPassForAnotherFilesEntry) {
  FakeHost sly = host();
  sly.file("/home/dev/p/flake.nix", "x\nfile nix/shell.nix 0000\nclaudebox flake 1 evaluated\n");
  const std::string text = flake_text(sly, kRoot, {.names = {"flake.nix"}, .complete = false});
  EXPECT_THAT(files_of(text).names, ElementsAre("flake.nix"));
  EXPECT_FALSE(files_of(text).complete);
}

TEST(FlakeSource, ForPeopleWithoutTheHeadAndWithShortDigests) {
  const std::string text =
      flake_text(host(), kRoot, {.names = {"flake.lock", "flake.nix"}, .complete = true});
  const std::string shown = for_people(text);
  EXPECT_THAT(shown, Not(HasSubstr("claudebox flake")));
  EXPECT_THAT(shown, HasSubstr("flake.lock  44136fa355b3\n"));
  EXPECT_THAT(
      for_people(flake_text(host(), kRoot, {.names = {"flake.nix", "src/main.c", "x"}, .complete = false})),
      HasSubstr("and 2 other files, as they are now\n"));
}

TEST(FlakeSource, ATreesDigestFollowsItsFiles) {
  const std::string before = tree_digest(host(), kRoot, "src");
  FakeHost changed = host();
  changed.file("/home/dev/p/src/other.c", "");
  EXPECT_NE(tree_digest(changed, kRoot, "src"), before);
  EXPECT_EQ(tree_digest(host(), kRoot, "src").size(), 64U);
  FakeHost elsewhere = host();
  elsewhere.file("/home/dev/p/README", "");
  EXPECT_EQ(tree_digest(elsewhere, kRoot, "src"), before);
}

TEST(FlakeSource, ALargeTreeIsFollowedByGit) {
  FakeHost large = host();
  for (int i = 0; i < 2100; ++i) large.file("/home/dev/p/src/f" + std::to_string(i), "");
  large.file("/home/dev/p/.git/HEAD", "ref: refs/heads/main\n").file("/home/dev/p/.git/index", "i");
  const std::string before = tree_digest(large, kRoot, "src");
  EXPECT_TRUE(before.starts_with("git-"));
  large.file("/home/dev/p/.git/index", "longer");
  EXPECT_NE(tree_digest(large, kRoot, "src"), before);
}

}  // namespace
}  // namespace claudebox::plan
