#include "profile/load.h"

#include <gmock/gmock.h>

#include "profile/examples.h"
#include "profile/files.h"
#include "profile/fit.h"
#include "profile/parse.h"
#include "profile/write.h"
#include "profile_host.h"

namespace claudebox::profile {
namespace {

using claudebox::testing::all_of;
using claudebox::testing::kStateRoot;
using claudebox::testing::named;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Load : public ::testing::Test {
 protected:
  Settings good(const std::optional<Choice>& choice) {
    base::Diagnostics problems;
    auto settings = load(choice, host_, problems);
    EXPECT_TRUE(problems.empty()) << all_of(problems);
    return settings;
  }
  std::string bad(const std::string& name) {
    base::Diagnostics problems;
    load(named(name), host_, problems);
    EXPECT_FALSE(problems.empty());
    return all_of(problems);
  }
  std::string shown(const std::string& name) { return show(good(named(name))); }
  claudebox::testing::ProfileHost host_;
};

TEST_F(Load, NoFileIsNoSettings) {
  const auto settings = good(std::nullopt);
  EXPECT_THAT(settings.files, IsEmpty());
  EXPECT_THAT(settings.entries, IsEmpty());
}

TEST_F(Load, ListsAddAndScalarsOverride) {
  host_.config("network = \"offline\"\nallow = [\"a.org\"]\nnested = false\n");
  host_.profile("base", "network = \"full\"\nallow = [\"b.org\"]\nenv = [\"A\"]\n");
  host_.profile("web",
                "extends = [\"base\"]\nnetwork = \"allowlist\"\nallow = [\"c.org\", \"a.org\"]\n"
                "env = [\"A=B\"]\n[protect]\nvscode = false\n");
  EXPECT_EQ(shown("web"),
            "# config.toml, base, web\n"
            "network = \"allowlist\"  # web.toml:2\n"
            "allow = [\n"
            "  \"b.org\",  # base.toml:2\n"
            "  \"c.org\",  # web.toml:3\n"
            "  \"a.org\",  # web.toml:3\n"
            "]\n"
            "env = [\n"
            "  \"A=B\",  # web.toml:4\n"
            "]\n"
            "nested = false  # config.toml:3\n"
            "\n[protect]\n"
            "vscode = false  # web.toml:6\n");
}

TEST_F(Load, WhatIsShownIsAProfileAgain) {
  host_.profile("a", "mounts = [\"/x\\ny\"]\n[protect]\nhusky = false\n");
  host_.profile("b", shown("a"));
  const auto a = good(named("a"));
  const auto b = good(named("b"));
  ASSERT_EQ(a.entries.size(), b.entries.size());
  for (std::size_t i = 0; i < a.entries.size(); ++i) EXPECT_EQ(a.entries[i].text, b.entries[i].text);
}

TEST_F(Load, ExtendsSeveralTheLaterWins) {
  host_.profile("one", "network = \"offline\"\npublish = [\"80:1\"]");
  host_.profile("two", "network = \"full\"\npublish = [\"80:2\"]");
  host_.profile("top", "extends = [\"one\", \"two\"]");
  EXPECT_THAT(shown("top"),
              AllOf(HasSubstr("\"full\"  # two.toml:1"), HasSubstr("80:2"), Not(HasSubstr("80:1"))));
}

TEST_F(Load, ADiamondCountsOnce) {
  host_.profile("root", "network = \"full\"");
  host_.profile("one", "extends = [\"root\"]\nnetwork = \"offline\"");
  host_.profile("two", "extends = [\"root\"]");
  host_.profile("top", "extends = [\"one\", \"two\"]");
  EXPECT_THAT(shown("top"), HasSubstr("\"offline\"  # one.toml:2"));
}

TEST_F(Load, CyclesAndDepth) {
  host_.profile("self", "extends = [\"self\"]");
  EXPECT_THAT(bad("self"), AllOf(HasSubstr("self.toml:1:12: "), HasSubstr("self extends self")));
  host_.profile("a", "extends = [\"b\"]").profile("b", "extends = [\"c\"]").profile("c", "extends = [\"a\"]");
  EXPECT_THAT(bad("a"), AllOf(HasSubstr("c.toml:1:12: "), HasSubstr("a extends b extends c extends a")));
  for (int i = 0; i < 40; ++i)
    host_.profile("d" + std::to_string(i), "extends = [\"d" + std::to_string(i + 1) + "\"]");
  EXPECT_THAT(bad("d0"), HasSubstr("too deep"));
  std::string wide = "extends = [";
  for (int i = 0; i < 100; ++i) {
    host_.profile("w" + std::to_string(i), "network = \"full\"");
    wide += "\"w" + std::to_string(i) + "\",";
  }
  host_.profile("wide", wide + "]");
  EXPECT_THAT(bad("wide"), HasSubstr("too deep"));
}

TEST_F(Load, AMissingProfileNamesTheNearest) {
  host_.profile("web", "extends = [\"bsae\"]").profile("base", "");
  EXPECT_THAT(bad("wbe"), AllOf(HasSubstr("there is no profile 'wbe' (--profile wbe)"), HasSubstr("web?")));
  EXPECT_THAT(bad("web"), AllOf(HasSubstr("web.toml:1:12: there is no profile 'bsae'"), HasSubstr("base?")));
  for (const std::string name : {"../web", "/etc/passwd", "", ".", "a/b", "web.toml/..", "a\nb"})
    EXPECT_THAT(bad(name), HasSubstr("can't be the name of a profile")) << name;
}

TEST_F(Load, AllErrorsOfAllFilesAreSaid) {
  host_.config("foo = 1\n")
      .profile("base", "bar = 1\n")
      .profile("web", "extends = [\"base\"]\nbaz = 1\nqux = 2\n");
  EXPECT_THAT(bad("web"), AllOf(HasSubstr("config.toml:1:1"), HasSubstr("base.toml:1:1"),
                                HasSubstr("web.toml:2:1"), HasSubstr("web.toml:3:1")));
}

TEST_F(Load, AFileThatIsNoTomlHidesNoOtherFilesErrors) {
  host_.config("foo = 1\n").profile("base", "network = \"x\"\n").profile("other", "= [\n");
  host_.profile("web", "extends = [\"base\", \"other\"]\nbar = 1\n");
  EXPECT_THAT(bad("web"), AllOf(HasSubstr("config.toml:1:1"), HasSubstr("base.toml:1:11"),
                                HasSubstr("other.toml:1:1: no TOML"), HasSubstr("web.toml:2:1")));
}

/// PROF-3.
TEST_F(Load, AFileThatOthersMayWriteIsRefused) {
  const std::string web = std::string(kStateRoot) + "/profiles/web.toml";
  for (const mode_t mode : {0620, 0602, 0666, 0777}) {
    host_.profile("web", "network = \"full\"").mode(web, mode);
    EXPECT_THAT(bad("web"), AllOf(HasSubstr("can be written by others"), HasSubstr("chmod go-w " + web)));
  }
  host_.mode(web, 0644).owner(web, 4711);
  EXPECT_THAT(bad("web"), AllOf(HasSubstr("belongs to uid 4711"), HasSubstr("chown 1000 " + web)));
  host_.owner(web, 0);
  EXPECT_THAT(bad("web"), HasSubstr("belongs to uid 0"));
  host_.owner(web, 1000);
  good(named("web"));
}

TEST_F(Load, ADirectoryThatOthersMayWriteIsRefused) {
  host_.profile("web", "network = \"full\"");
  for (const auto& directory : {std::string(kStateRoot), std::string(kStateRoot) + "/profiles"}) {
    host_.mode(directory, 0770);
    EXPECT_THAT(bad("web"),
                AllOf(HasSubstr(directory + " can be written"), HasSubstr("chmod go-w " + directory)));
    host_.mode(directory, 0755).owner(directory, 4711);
    EXPECT_THAT(bad("web"), HasSubstr(directory + " belongs to uid 4711"));
    host_.owner(directory, 1000);
    good(named("web"));
  }
}

TEST_F(Load, TheSameHoldsForTheConfiguration) {
  host_.config("network = \"full\"").mode(std::string(kStateRoot) + "/config.toml", 0664);
  base::Diagnostics problems;
  load(std::nullopt, host_, problems);
  EXPECT_THAT(all_of(problems), HasSubstr("chmod go-w"));
}

TEST_F(Load, ALinkIsFollowedWhereItsWholeWayIsTheUsersOrRoots) {
  const std::string at = std::string(kStateRoot) + "/profiles/";
  const std::string dotfiles = "/home/dev/dotfiles/claudebox";
  host_.profile("own", "").directory(dotfiles).file(dotfiles + "/web.toml", "network = \"full\"", 0644);
  host_.symlink(at + "web.toml", "../../dotfiles/claudebox/web.toml");  // as stow makes them
  EXPECT_EQ(good(named("web")).files.front().path, dotfiles + "/web.toml");
  // As home-manager makes them: by way of another link, in a directory that builders may write.
  host_.directory("/nix/store", 01775).directory("/nix/store/a", 0555);
  host_.file("/nix/store/b-web.toml", "network = \"full\"", 0444)
      .symlink("/nix/store/a/nix.toml", "/nix/store/b-web.toml");
  host_.symlink(at + "nix.toml", "/nix/store/a/nix.toml");
  for (const char* path :
       {"/nix", "/nix/store", "/nix/store/a", "/nix/store/b-web.toml", "/nix/store/a/nix.toml"})
    host_.owner(path, 0);
  EXPECT_EQ(good(named("nix")).files.front().path, "/nix/store/b-web.toml");
  // Whoever owns or may write anything on the way may say what is at its end.
  for (const std::string path :
       {"/nix", "/nix/store/a", "/nix/store/a/nix.toml", "/nix/store/b-web.toml", "/nix/store"}) {
    host_.owner(path, 4711);
    EXPECT_THAT(bad("nix"), AllOf(HasSubstr(path + " belongs to uid 4711"), HasSubstr("chown 1000 " + path)))
        << path;
    host_.owner(path, 0);
  }
  for (const std::string& path :
       std::vector<std::string>{"/home/dev", "/home/dev/dotfiles", dotfiles, dotfiles + "/web.toml"}) {
    const auto before = host_.lstat(path).mode;
    for (const mode_t mode : {0775, 0757}) {
      host_.mode(path, mode);
      EXPECT_THAT(bad("web"), AllOf(HasSubstr(path + " can be written"), HasSubstr("chmod go-w " + path)))
          << path;
    }
    host_.mode(path, before);
  }
  host_.mode("/nix/store", 0775);  // without the sticky bit they could put another in its place
  EXPECT_THAT(bad("nix"), HasSubstr("/nix/store can be written"));
  good(named("web"));
}

TEST_F(Load, ALinkedDirectoryIsFollowedLikeALinkedFile) {
  host_.directory(kStateRoot, 0700).directory("/home/dev/dotfiles");
  host_.file("/home/dev/dotfiles/web.toml", "network = \"full\"", 0600);
  host_.symlink(std::string(kStateRoot) + "/profiles", "/home/dev/dotfiles");
  good(named("web"));
  host_.mode("/home/dev/dotfiles", 0777);
  EXPECT_THAT(bad("web"), HasSubstr("/home/dev/dotfiles can be written by others"));
}

TEST_F(Load, ALinkThatLeadsToNoFileIsRefused) {
  host_.profile("own", "");
  const std::string at = std::string(kStateRoot) + "/profiles/";
  host_.other("/dev/zero", sys::FileKind::device).directory("/srv/d");
  host_.symlink(at + "zero.toml", "/dev/zero")
      .symlink(at + "gone.toml", "/srv/gone")
      .symlink(at + "dir.toml", "/srv/d");
  host_.symlink(at + "loop.toml", "loop.toml").symlink(at + "through.toml", "own.toml/x");
  EXPECT_THAT(bad("zero"), HasSubstr("/dev/zero is a device"));
  EXPECT_THAT(bad("gone"), HasSubstr("/srv/gone is not there"));
  EXPECT_THAT(bad("dir"), HasSubstr("/srv/d is a directory"));
  EXPECT_THAT(bad("loop"), HasSubstr("loop.toml is one link of too many"));
  EXPECT_THAT(bad("through"), HasSubstr("is no directory"));
}

TEST_F(Load, WhatIsNoFileIsRefused) {
  host_.profile("ok", "");
  const std::string at = std::string(kStateRoot) + "/profiles/";
  host_.other(at + "fifo.toml", sys::FileKind::fifo).other(at + "device.toml", sys::FileKind::device);
  host_.other(at + "socket.toml", sys::FileKind::socket);
  host_.directory(at + "directory.toml");
  EXPECT_THAT(bad("fifo"), HasSubstr("is a FIFO"));
  EXPECT_THAT(bad("device"), HasSubstr("is a device"));
  EXPECT_THAT(bad("socket"), HasSubstr("is a socket"));
  EXPECT_THAT(bad("directory"), HasSubstr("is a directory"));
}

TEST_F(Load, AHugeFileIsRefused) {
  host_.profile("huge", std::string(300'000, '#'));
  EXPECT_THAT(bad("huge"), HasSubstr("is larger than 256 KiB"));
}

TEST_F(Load, NamesAreThoseOfProfilesOnly) {
  host_.profile("b", "").profile("a", "").profile("..x", "");
  host_.file(std::string(kStateRoot) + "/profiles/README", "");
  EXPECT_THAT(profile_names(host_), ElementsAre("a", "b"));
}

TEST_F(Load, TheExamplesAreInOrder) {
  host_.directory("/home/dev/.aws");
  for (const auto& [name, text] : examples()) {
    host_.profile(std::string(name), std::string(text));
    EXPECT_FALSE(good(named(std::string(name))).entries.empty()) << name;
    EXPECT_TRUE(text.starts_with("# ")) << name;
  }
  EXPECT_EQ(examples().size(), 6U);
}

class Fit : public Load {
 protected:
  std::vector<Entry> entries(const std::string& text, int layer) {
    base::Diagnostics problems;
    return parse({"t.toml", text, ""}, {host_, {}}, layer, problems);
  }
  static std::size_t left(std::vector<Entry> all, plan::Tier tier, int chosen_by, int project = -1) {
    fit_to_tier(all, {{tier, {}}, chosen_by}, project);
    return all.size();
  }
};

TEST_F(Fit, WhatMeansNothingInATierFromAboveIsLeftOut) {
  const auto all = entries(
      "allow = [\"a.org\"]\nlan = [\"10.0.0.5\"]\npublish = [\"80\"]\nreach = [\"81\"]\n"
      "nix-daemon = true\nenv = [\"A\"]\n",
      1);
  EXPECT_EQ(left(all, plan::Tier::allowlist, kCommandLine), 5U);  // without the daemon
  EXPECT_EQ(left(all, plan::Tier::internet, kCommandLine), 5U);   // without allow
  EXPECT_EQ(left(all, plan::Tier::offline, kCommandLine), 3U);    // publish, reach, env
  EXPECT_EQ(left(all, plan::Tier::full, kCommandLine), 2U);       // the daemon, env
  // Said in the same file, or below: that is a mistake, which planning says.
  EXPECT_EQ(left(all, plan::Tier::offline, 1), 6U);
  EXPECT_EQ(left(all, plan::Tier::internet, kBuiltIn), 6U);
}

TEST_F(Fit, AProjectNeverStandsInTheWay) {
  const auto all = entries("allow = [\"a.org\"]\n", 1000);
  EXPECT_EQ(left(all, plan::Tier::internet, kBuiltIn, 1000), 0U);
  EXPECT_EQ(left(all, plan::Tier::allowlist, 2, 1000), 1U);
  EXPECT_EQ(left(all, plan::Tier::internet, 1000, 1000), 1U);
}

TEST_F(Fit, ItIsSaidOnceForEachKey) {
  auto all = entries("allow = [\"a.org\", \"b.org\"]\n", 1);
  const auto notes = fit_to_tier(
      all, {{plan::Tier::offline, {base::Origin::Kind::flag, "--network offline", ""}}, kCommandLine}, -1);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_EQ(notes.front().text,
            "allow of t.toml:1 is left out: it has no meaning in the tier offline (--network offline)");
}

}  // namespace
}  // namespace claudebox::profile
