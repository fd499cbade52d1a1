#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "instance/registry.h"
#include "instance_fixture.h"

namespace claudebox::instance {
namespace {

using plan::Mount;
using plan::StateFile;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

namespace fs = std::filesystem;

class PrepareTest : public testing::InstanceTest {
 protected:
  PrepareTest() {
    const Lease lease = take(plan);
    host.write("id_ed25519", "secret");
  }

  void add_state(StateFile::Policy policy, const std::string& below_home, const std::string& content = {}) {
    plan.state.push_back({.policy = policy, .path = home + "/" + below_home, .content = content});
  }
  void add_mount(Mount::Kind kind, const std::string& below_home, const std::string& source = {}) {
    plan.mounts.push_back({.kind = kind, .target = plan.user_home + "/" + below_home, .source = source});
  }
  std::string in_home(const std::string& name) const {
    std::ostringstream out;
    out << std::ifstream(home + "/" + name).rdbuf();
    return out.str();
  }
  bool is_real_directory(const std::string& below_home) const {
    return fs::is_directory(fs::symlink_status(home + "/" + below_home));
  }
  bool is_real_file(const std::string& below_home) const {
    return fs::is_regular_file(fs::symlink_status(home + "/" + below_home));
  }
  /// Nothing that a box did may have reached it: it stands for ~/.ssh.
  void expect_host_untouched() const {
    EXPECT_THAT(names_in(host.path()), ElementsAre("id_ed25519"));
    EXPECT_EQ(host.read("id_ed25519"), "secret");
  }

  plan::Plan plan = plan_for("project");
  const std::string home = plan.instance.home;
  testing::TempDir host;
};

TEST_F(PrepareTest, WritesStateFiles) {
  add_state(StateFile::Policy::directory, ".local/box/bin");
  add_state(StateFile::Policy::replace, ".config/file", "content");
  add_state(StateFile::Policy::json_defaults, ".claude/state.json", R"({"a":1})");
  EXPECT_THAT(prepare(plan), IsEmpty());
  EXPECT_TRUE(is_real_directory(".local/box/bin"));
  EXPECT_EQ(in_home(".config/file"), "content");
  EXPECT_EQ(in_home(".claude/state.json"), "{\n  \"a\": 1\n}\n");
  struct stat st{};
  ASSERT_EQ(::stat((home + "/.config/file").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777U, 0600U);
  ASSERT_EQ(::stat((home + "/.config").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777U, 0700U);
}

TEST_F(PrepareTest, TouchesNothingThatIsUpToDate) {
  add_state(StateFile::Policy::replace, "file", "content");
  add_state(StateFile::Policy::json_defaults, "state.json", R"({"a":1})");
  add_state(StateFile::Policy::json_override, "state.json", R"({"b":2})");
  prepare(plan);
  struct stat file_before{};
  struct stat json_before{};
  ASSERT_EQ(::stat((home + "/file").c_str(), &file_before), 0);
  ASSERT_EQ(::stat((home + "/state.json").c_str(), &json_before), 0);
  prepare(plan);
  struct stat after{};
  ASSERT_EQ(::stat((home + "/file").c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, file_before.st_ino);
  ASSERT_EQ(::stat((home + "/state.json").c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, json_before.st_ino);
}

TEST_F(PrepareTest, MergesIntoWhatTheAgentWrote) {
  add_state(StateFile::Policy::json_defaults, "state.json", R"({"theme":"dark"})");
  add_state(StateFile::Policy::json_override, "state.json", R"({"projects":{"/p":{"trusted":true}}})");
  std::ofstream(home + "/state.json") << R"({"theme":"light","projects":{"/p":{"history":[1]}}})";
  prepare(plan);
  EXPECT_EQ(in_home("state.json"),
            "{\n  \"theme\": \"light\",\n  \"projects\": {\n    \"/p\": {\n      \"history\": [\n        1\n"
            "      ],\n      \"trusted\": true\n    }\n  }\n}\n");
}

TEST_F(PrepareTest, MovesBrokenJsonAsideAndGoesOn) {
  add_state(StateFile::Policy::json_defaults, "state.json", R"({"a":1})");
  std::ofstream(home + "/state.json") << "{\"half\":";
  EXPECT_THAT(prepare(plan), ElementsAre(HasSubstr("state.json is not a JSON object any more")));
  EXPECT_EQ(in_home("state.json.broken"), "{\"half\":");
  EXPECT_EQ(in_home("state.json"), "{\n  \"a\": 1\n}\n");
  std::ofstream(home + "/state.json") << "again";
  EXPECT_THAT(prepare(plan), SizeIs(1));
  EXPECT_EQ(in_home("state.json.broken"), "again");
}

TEST_F(PrepareTest, AnEnormousStateFileStartsAfresh) {
  add_state(StateFile::Policy::json_defaults, "state.json", R"({"a":1})");
  std::ofstream(home + "/state.json") << "{}";
  fs::resize_file(home + "/state.json", 1ULL << 40U);  // sparse
  EXPECT_THAT(prepare(plan), ElementsAre(HasSubstr("larger")));
  EXPECT_EQ(in_home("state.json"), "{\n  \"a\": 1\n}\n");
}

/// The attack of prepare.cc's theory of operation: rm -r ~/src; ln -s /…/.ssh ~/src. With the host's path itself and with
/// the one that is valid while bwrap sets up its mounts.
TEST_F(PrepareTest, MountPointsAreNeverMadeThroughALinkOfAnEarlierBox) {
  for (const auto& target : {host.path(), "/oldroot" + host.path(), std::string("../../../../../../..")}) {
    fs::remove_all(home + "/src");
    fs::create_directory_symlink(target, home + "/src");
    plan.mounts.resize(1);
    add_mount(Mount::Kind::writable, "src/app", plan.project.root);
    add_mount(Mount::Kind::file, "src/file");
    EXPECT_THAT(prepare(plan), ElementsAre(HasSubstr("src was in the way")));
    EXPECT_TRUE(is_real_directory("src"));
    EXPECT_TRUE(is_real_directory("src/app"));
    EXPECT_TRUE(is_real_file("src/file"));
    expect_host_untouched();
  }
  // Moved aside, not lost.
  EXPECT_EQ(fs::read_symlink(home + "/src.moved-1"), host.path());
  EXPECT_TRUE(fs::is_symlink(home + "/src.moved-3"));
}

TEST_F(PrepareTest, AMountPointItselfIsNoLink) {
  fs::create_directory(home + "/src");
  fs::create_directory_symlink(host.path(), home + "/src/app");
  fs::create_symlink(host / "id_ed25519", home + "/memory.md");
  add_mount(Mount::Kind::writable, "src/app", plan.project.root);
  add_mount(Mount::Kind::read_only, "memory.md", host / "id_ed25519");
  EXPECT_THAT(prepare(plan), SizeIs(2));
  EXPECT_TRUE(is_real_directory("src/app"));
  EXPECT_TRUE(is_real_file("memory.md"));
  EXPECT_EQ(in_home("memory.md"), "");
  expect_host_untouched();
}

TEST_F(PrepareTest, StateIsNeverWrittenThroughALinkOfAnEarlierBox) {
  fs::create_directory_symlink(host.path(), home + "/.claude");
  fs::create_symlink(host / "id_ed25519", home + "/settings.json");
  fs::create_symlink(host / "id_ed25519", home + "/plain");
  add_state(StateFile::Policy::directory, ".claude/projects");
  add_state(StateFile::Policy::json_override, ".claude/settings.json", R"({"a":1})");
  add_state(StateFile::Policy::json_defaults, "settings.json", R"({"a":1})");
  add_state(StateFile::Policy::replace, "plain", "text");
  EXPECT_THAT(prepare(plan), SizeIs(3));
  EXPECT_EQ(in_home(".claude/settings.json"), "{\n  \"a\": 1\n}\n");
  EXPECT_EQ(in_home("plain"), "text");
  expect_host_untouched();
}

TEST_F(PrepareTest, HardLinksKeepTheirContent) {
  testing::TempDir beside;  // the same file system
  beside.write("precious", "{\"x\":1}");
  fs::create_hard_link(beside / "precious", home + "/settings.json");
  fs::create_hard_link(beside / "precious", home + "/plain");
  add_state(StateFile::Policy::json_override, "settings.json", R"({"a":1})");
  add_state(StateFile::Policy::replace, "plain", "text");
  prepare(plan);
  EXPECT_EQ(beside.read("precious"), "{\"x\":1}");
}

TEST_F(PrepareTest, OtherKindsOfFilesInTheWayAreMovedAside) {
  std::ofstream(home + "/src") << "a file where a directory is needed";
  fs::create_directory(home + "/file");
  ASSERT_EQ(::mkfifo((home + "/settings.json").c_str(), 0600), 0);
  fs::create_directory(home + "/state.json");
  add_mount(Mount::Kind::writable, "src/app", plan.project.root);
  add_mount(Mount::Kind::file, "file");
  add_state(StateFile::Policy::json_override, "settings.json", R"({"a":1})");
  add_state(StateFile::Policy::replace, "state.json", "text");
  EXPECT_THAT(prepare(plan), SizeIs(4));
  EXPECT_TRUE(is_real_directory("src/app"));
  EXPECT_TRUE(is_real_file("file"));
  EXPECT_TRUE(is_real_file("settings.json"));
  EXPECT_TRUE(fs::is_directory(home + "/state.json.moved-1"));
}

TEST_F(PrepareTest, NamesForMovingAsideMayBeTaken) {
  fs::create_directory_symlink(host.path(), home + "/src");
  for (int n = 1; n <= 120; ++n) std::ofstream(home + "/src.moved-" + std::to_string(n)) << n;
  add_mount(Mount::Kind::directory, "src");
  prepare(plan);
  EXPECT_TRUE(is_real_directory("src"));
  EXPECT_EQ(in_home("src.moved-1"), "1");
  expect_host_untouched();
}

TEST_F(PrepareTest, WrongModesAreMended) {
  fs::create_directories(home + "/.claude/deep");
  std::ofstream(home + "/.claude/settings.json") << R"({"kept":1})";
  ::chmod((home + "/.claude/settings.json").c_str(), 0);
  ::chmod((home + "/.claude/deep").c_str(), 0);
  ::chmod((home + "/.claude").c_str(), 0);
  ::chmod(home.c_str(), 0);
  add_state(StateFile::Policy::json_override, ".claude/settings.json", R"({"a":1})");
  add_mount(Mount::Kind::directory, ".claude/deep/er");
  EXPECT_THAT(prepare(plan), IsEmpty());
  EXPECT_EQ(in_home(".claude/settings.json"), "{\n  \"kept\": 1,\n  \"a\": 1\n}\n");
  EXPECT_TRUE(is_real_directory(".claude/deep/er"));
  for (const std::string path : {"", "/.claude", "/.claude/deep"}) {
    struct stat st{};
    ASSERT_EQ(::stat((home + path).c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0700U, 0700U) << path << ": the box is not root, even where claudebox is";
  }
}

TEST_F(PrepareTest, MakesLinksOfThePlanWithTheirTextAndNoOther) {
  fs::create_symlink(host.path(), home + "/.nix-profile");
  add_mount(Mount::Kind::symlink, ".nix-profile", "/nix/var/profile");
  EXPECT_THAT(prepare(plan), SizeIs(1));
  EXPECT_EQ(fs::read_symlink(home + "/.nix-profile"), "/nix/var/profile");
  EXPECT_THAT(prepare(plan), IsEmpty());
  expect_host_untouched();
}

/// What lies in another mount is not reached through the home.
TEST_F(PrepareTest, MakesOnlyTheMountPointsThatLieInTheHomeItself) {
  add_mount(Mount::Kind::tmpfs, "cache");
  add_mount(Mount::Kind::directory, "cache/inner");
  plan.mounts.push_back({.kind = Mount::Kind::directory, .target = "/opt/tool"});
  prepare(plan);
  EXPECT_TRUE(is_real_directory("cache"));
  EXPECT_FALSE(fs::exists(home + "/cache/inner"));
  EXPECT_THAT(names_in(home), UnorderedElementsAre("cache"));
}

/// A box on ~/data left a link there; bwrap would follow it to make the mount point of the next start.
TEST_F(PrepareTest, RefusesAMountThroughALinkInAWritableMount) {
  testing::TempDir data;
  fs::create_directory_symlink(host.path(), data / "link");
  add_mount(Mount::Kind::writable, "data", data.path());
  add_mount(Mount::Kind::read_only, "data/link/new", plan.project.root);
  EXPECT_THAT(error_of([&] { prepare(plan); }), HasSubstr("a symbolic link"));
  plan.mounts.back().target = plan.user_home + "/data/link";
  EXPECT_THAT(error_of([&] { prepare(plan); }), HasSubstr(data / "link"));
  plan.mounts.back().target = plan.user_home + "/data/fine/new";
  EXPECT_EQ(error_of([&] { prepare(plan); }), "");
  expect_host_untouched();
}

TEST_F(PrepareTest, WritesNothingOutsideOfTheInstance) {
  plan.state.push_back({.policy = StateFile::Policy::replace, .path = host / "file", .content = "x"});
  EXPECT_THAT(error_of([&] { prepare(plan); }), HasSubstr("outside of its instance"));
  expect_host_untouched();
}

TEST_F(PrepareTest, AMountSourceThatIsGoneIsNamed) {
  add_mount(Mount::Kind::read_only, "tool", "/no/such/tool");
  EXPECT_THAT(error_of([&] { prepare(plan); }), HasSubstr("/no/such/tool"));
}

/// A box that shares the instance swaps a directory for a link all the time: nothing reaches the host meanwhile.
TEST_F(PrepareTest, ALiveBoxThatSwapsDirectoriesGainsNothing) {
  testing::ForkedChild box([&] {
    while (true) {
      ::rename((home + "/src").c_str(), (home + "/hidden").c_str());
      if (::symlink(host.path().c_str(), (home + "/src").c_str()) == 0) ::unlink((home + "/src").c_str());
      ::rename((home + "/hidden").c_str(), (home + "/src").c_str());
    }
    return 0;
  });
  add_mount(Mount::Kind::directory, "src/app/deep");
  add_mount(Mount::Kind::file, "src/file");
  add_state(StateFile::Policy::replace, "src/state", "text");
  for (int round = 0; round < 300; ++round) {
    fs::remove_all(home + "/src/app");
    error_of([&] { prepare(plan); });  // it may give up, that is fine
  }
  box.kill();
  expect_host_untouched();
}

}  // namespace
}  // namespace claudebox::instance
