// The writer against a prepared directory, and against the kernel where a cgroup v2 may be written.
#include "runtime/box_cgroup.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "base/error.h"
#include "base/text.h"
#include "temp_dir.h"

namespace claudebox::runtime {
namespace {

namespace fs = std::filesystem;
using plan::CgroupPlace;
using plan::LimitKind;
using testing::TempDir;
using By = plan::Limit::By;

plan::Limits all_limits(const std::string& directory) {
  return {.all = {{.kind = LimitKind::memory, .amount = 64ULL << 20, .by = By::group},
                  {.kind = LimitKind::cpu, .amount = 150, .by = By::group},
                  {.kind = LimitKind::processes, .amount = 500, .by = By::group},
                  {.kind = LimitKind::open_files, .amount = 4096, .by = By::resource}},
          .place = {.way = CgroupPlace::Way::delegated,
                    .directory = directory,
                    .controllers = {"memory", "cpu", "pids"}}};
}

/// The path in cgroup v2.
std::string read_own_cgroup() {
  std::ifstream own("/proc/self/cgroup");
  for (std::string line; std::getline(own, line);)
    if (line.starts_with("0::/")) return line.substr(3);
  return {};
}

/// A tree with the kernel's files, as a directory: what is written to them stays in them.
class PreparedTree : public ::testing::Test {
 protected:
  PreparedTree() {
    fs::create_directory(tree_ / box_);
    fs::create_directory(tree_ / supervisor_);
    tree_.write("cgroup.subtree_control", "pids cpu\n");
    for (const std::string file : {"cgroup.procs", "memory.max", "memory.swap.max", "cpu.max", "pids.max"})
      tree_.write(box_ + "/" + file, "");
    tree_.write(box_ + "/memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 0\noom_group_kill 0\n");
    tree_.write(supervisor_ + "/cgroup.procs", "");
  }
  TempDir tree_;
  std::string box_ = "claudebox-box-" + std::to_string(::getpid());
  std::string supervisor_ = "claudebox-supervisor-" + std::to_string(::getpid());
};

TEST_F(PreparedTree, HasTheLimitsInTheKernelsUnits) {
  const BoxCgroup cgroup(all_limits(tree_.path()));
  EXPECT_EQ(tree_.read(box_ + "/memory.max"), "67108864");
  EXPECT_EQ(tree_.read(box_ + "/memory.swap.max"), "0");
  EXPECT_EQ(tree_.read(box_ + "/cpu.max"), "150000 100000");
  EXPECT_EQ(tree_.read(box_ + "/pids.max"), "500");
  EXPECT_EQ(tree_.read("cgroup.subtree_control").substr(0, 7), "+memory");  // the others are on
  EXPECT_EQ(tree_.read(supervisor_ + "/cgroup.procs"), "");                 // nothing asked for it
}

TEST_F(PreparedTree, ItsDescriptorLetsAProcessIn) {
  const BoxCgroup cgroup(all_limits(tree_.path()));
  EXPECT_EQ(::write(cgroup.processes(), "0", 1), 1);
  EXPECT_EQ(tree_.read(box_ + "/cgroup.procs"), "0");
}

TEST_F(PreparedTree, ClaudeboxMovesAwayWhereTheGroupMustBeEmpty) {
  auto limits = all_limits(tree_.path());
  limits.place.move_away = true;
  const BoxCgroup cgroup(limits);
  EXPECT_EQ(tree_.read(supervisor_ + "/cgroup.procs"), std::to_string(::getpid()));
}

TEST_F(PreparedTree, SaysWhatTheKernelKilledForItsMemory) {
  const BoxCgroup cgroup(all_limits(tree_.path()));
  EXPECT_EQ(cgroup.out_of_memory(), "");  // that "max" was met, or that memory was reclaimed, is no kill
  tree_.write(box_ + "/memory.events", "low 0\noom 2\noom_kill 1\noom_group_kill 0\n");
  EXPECT_EQ(cgroup.out_of_memory(),
            "a process of the box was killed: the box used up its memory, limits.memory 64M");
  tree_.write(box_ + "/memory.events", "oom_kill 12\n");
  EXPECT_THAT(cgroup.out_of_memory(), ::testing::StartsWith("12 processes of the box were killed:"));
}

TEST_F(PreparedTree, ALimitThatCantBeWrittenIsAnError) {
  for (const std::string file : {"memory.max", "cpu.max", "pids.max", "cgroup.procs"}) {
    const std::string path = tree_ / (box_ + "/" + file);
    fs::rename(path, path + ".away");
    EXPECT_THROW(const BoxCgroup cgroup(all_limits(tree_.path())), base::Error) << file;
    fs::rename(path + ".away", path);
  }
}

TEST_F(PreparedTree, LimitsThatAreNotByGroupTouchNothing) {
  auto limits = all_limits(tree_.path());
  for (auto& limit : limits.all) limit.by = By::resource;
  limits.place = {};
  const BoxCgroup cgroup(limits);
  EXPECT_EQ(cgroup.processes(), -1);
  EXPECT_EQ(tree_.read(box_ + "/memory.max"), "");
}

TEST_F(PreparedTree, WhatADeadClaudeboxLeftIsRemoved) {
  // A process that surely is no more.
  const pid_t gone = ::fork();
  if (gone == 0) ::_exit(0);
  ::waitpid(gone, nullptr, 0);
  const std::string left = "claudebox-box-" + std::to_string(gone);
  const std::string living = "claudebox-box-" + std::to_string(::getppid());
  for (const auto& name : {left, living, std::string("claudebox-box-x1"), std::string("other-1")})
    fs::create_directory(tree_ / name);
  const BoxCgroup cgroup(all_limits(tree_.path()));
  EXPECT_FALSE(fs::exists(tree_ / left));
  for (const auto& name : {living, std::string("claudebox-box-x1"), std::string("other-1")})
    EXPECT_TRUE(fs::exists(tree_ / name)) << name;
}

TEST(Scope, IsAskedForInSystemdsTypes) {
  const auto words = start_scope_call("claudebox-7-x.scope", 4711);
  EXPECT_EQ(base::join(words, " "),
            "call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager "
            "StartTransientUnit ssa(sv)a(sa(sv)) claudebox-7-x.scope fail 4 Description s claudebox, and a "
            "box with "
            "limits PIDs au 1 4711 Delegate b true CollectMode s inactive-or-failed 0");
}

/// Without its scope no box starts: the plan said that the limits hold.
TEST(Scope, ThatIsNotMadeIsAnError) {
  TempDir directory;
  directory.write("busctl", "#!/bin/sh\necho 'Call failed: Access denied'\nexit 1\n");
  fs::permissions(directory / "busctl", fs::perms::owner_all);
  plan::Limits limits = all_limits("");
  limits.place = {.way = CgroupPlace::Way::systemd, .bus = {directory / "busctl"}, .controllers = {"memory"}};
  try {
    const BoxCgroup cgroup(limits);
    ADD_FAILURE() << "a group without a scope";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.message(), ::testing::HasSubstr("Access denied"));
  }
}

/// Where there is a systemd to ask (and cgroup v2 at its usual place): the move, in a process that is moved.
TEST(Scope, SystemdMakesOneForReal) {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const std::string bus = std::string(runtime ? runtime : "/nonexistent") + "/bus";
  if (!fs::exists(bus) || !fs::exists("/usr/bin/busctl") || !fs::exists("/sys/fs/cgroup/cgroup.controllers"))
    GTEST_SKIP() << "no systemd of this user with cgroup v2 is here";
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string before = read_own_cgroup();
    try {
      const BoxCgroup cgroup({.all = {},
                              .place = {.way = CgroupPlace::Way::systemd,
                                        .bus = {"/usr/bin/busctl", "--address=unix:path=" + bus}}});
      const std::string after = read_own_cgroup();
      const bool moved = after != before && after.find(".scope/claudebox-supervisor-") != std::string::npos;
      ::_exit(moved && ::write(cgroup.processes(), "0", 1) == 1 &&
                      read_own_cgroup().find(".scope/claudebox-box-") != std::string::npos
                  ? 0
                  : 1);
    } catch (const base::Error& error) {
      std::cerr << error.message() << "\n";
      ::_exit(2);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

/// A group of the test's own in the kernel's cgroup v2, wherever that is mounted, with the controllers that there are.
class KernelTree : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string mount = mount_point();
    if (mount.empty()) GTEST_SKIP() << "no cgroup v2 is mounted here";
    path_ = mount + read_own_cgroup();
    path_ += "/claudebox-test-" + std::to_string(::getpid());
    if (std::error_code error; !fs::create_directory(path_, error)) {
      path_.clear();
      GTEST_SKIP() << "no cgroup v2 is delegated to this user here";
    }
    std::string line;
    std::getline(std::ifstream(path_ + "/cgroup.controllers"), line);
    controllers_ = base::split(line, ' ');
  }
  void TearDown() override {
    if (!path_.empty()) fs::remove(path_);
  }

  static std::string mount_point() {
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);)
      if (line.find(" - cgroup2 ") != std::string::npos) return base::split(line, ' ')[4];
    return {};
  }
  bool has(const std::string& name) const {
    return std::find(controllers_.begin(), controllers_.end(), name) != controllers_.end();
  }
  plan::Limits only(LimitKind kind, std::uint64_t amount) const {
    return {.all = {{.kind = kind, .amount = amount, .by = By::group}},
            .place = {.way = CgroupPlace::Way::delegated, .directory = path_}};
  }
  /// What `body` returns in a process of the group; 128 and a signal where it was killed.
  template <class Body>
  static int inside(const BoxCgroup& cgroup, Body body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(::write(cgroup.processes(), "0", 1) == 1 ? body() : 99);
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::string path_;
  std::vector<std::string> controllers_;
};

TEST_F(KernelTree, AProcessEntersAndTheGroupGoesWithTheBox) {
  const std::string box = path_ + "/claudebox-box-" + std::to_string(::getpid());
  {
    const BoxCgroup cgroup({.all = {}, .place = {.way = CgroupPlace::Way::delegated, .directory = path_}});
    EXPECT_TRUE(fs::exists(box));
    const auto looks = [] { return read_own_cgroup().find("/claudebox-box-") == std::string::npos ? 1 : 0; };
    EXPECT_EQ(inside(cgroup, looks), 0);
  }
  EXPECT_FALSE(fs::exists(box));
}

TEST_F(KernelTree, NoMoreProcessesThanTheLimit) {
  if (!has("pids")) GTEST_SKIP() << "the controller pids is not in this host's cgroup v2";
  const BoxCgroup cgroup(only(LimitKind::processes, 20));
  const auto forks = [] {
    int made = 0;
    pid_t children[100];
    while (made < 100 && (children[made] = ::fork()) > 0) ++made;
    if (made < 100 && children[made] == 0) {
      ::pause();
      ::_exit(0);
    }
    for (int i = 0; i < made; ++i) ::kill(children[i], SIGKILL);
    while (::wait(nullptr) > 0) {
    }
    return made;
  };
  EXPECT_EQ(inside(cgroup, forks), 19);
}

TEST_F(KernelTree, WhoUsesUpTheMemoryIsKilledAndItIsSaid) {
  if (!has("memory")) GTEST_SKIP() << "the controller memory is not in this host's cgroup v2";
  const BoxCgroup cgroup(only(LimitKind::memory, 32ULL << 20));
  const auto allocates = [] {
    constexpr std::size_t kSize = 128U << 20;
    void* memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    for (std::size_t at = 0; at < kSize; at += 4096) static_cast<volatile char*>(memory)[at] = 1;
    return 0;
  };
  EXPECT_EQ(inside(cgroup, allocates), 128 + SIGKILL);
  EXPECT_THAT(cgroup.out_of_memory(), ::testing::StartsWith("a process of the box was killed"));
}

}  // namespace
}  // namespace claudebox::runtime
