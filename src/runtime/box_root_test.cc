#include "runtime/box_root.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "in_namespaces.h"
#include "temp_dir.h"

namespace claudebox::runtime {
namespace {

using testing::in_namespaces;
using testing::TempDir;
using Kind = RootStep::Kind;

std::string read(const std::string& path) {
  std::ifstream file(path);
  if (!file) return "none";
  return {std::istreambuf_iterator<char>(file), {}};
}

/// errno of an attempt to make a file there.
int write_error(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  if (file < 0) return errno;
  ::close(file);
  return 0;
}

unsigned long flags_of(const std::string& path) {
  struct statvfs vfs{};
  return ::statvfs(path.c_str(), &vfs) < 0 ? 0 : vfs.f_flag;
}

const std::string kRoot = kBoxRoot;

class BoxRoot : public ::testing::Test {
 protected:
  BoxRoot() {
    std::filesystem::create_directories(dir_ / "source/sub");
    dir_.write("source/file", "of the source");
    source_ = dir_ / "source";
    file_ = dir_ / "source/file";
  }
  static RootResult set_up(const std::vector<RootStep>& steps) {
    return set_up_box_root({.steps = steps.data(), .count = steps.size()});
  }
  /// What `check` says in a root of `steps`; 200 + the part where it can't be made.
  static int in_root(const std::vector<RootStep>& steps, const std::function<int()>& check) {
    return in_namespaces([&] {
      const auto result = set_up(steps);
      return result.part == RootPart::done ? check() : 200 + static_cast<int>(result.part);
    });
  }
  /// The errno of the failure; 0 where it did not fail in that part of the last step.
  static int error_in(RootPart part, const std::vector<RootStep>& steps) {
    return in_namespaces([&] {
      const auto result = set_up(steps);
      const int error = errno;
      return result.part == part && result.step == steps.size() - 1 ? error : 0;
    });
  }

  TempDir dir_;
  std::string source_, file_;
};

TEST_F(BoxRoot, HasItsMountsWithTheirFlags) {
  const std::vector<RootStep> steps = {
      {.kind = Kind::read_only, .target = "ro", .source = source_.c_str()},
      {.kind = Kind::writable, .target = "deep/down/rw", .source = source_.c_str()},
      {.kind = Kind::read_only, .target = "deep/down/rw/file", .source = file_.c_str()},
      {.kind = Kind::file_system, .target = "tmp", .mode = 01777},
      {.kind = Kind::directory, .target = "proc"},
      {.kind = Kind::link, .target = "bin", .source = "ro/sub"},
      {.kind = Kind::file, .target = "etc/passwd", .content = "x:0", .length = 3, .mode = 0444}};
  EXPECT_EQ(in_root(steps,
                    [] {
                      if (read(kRoot + "/ro/file") != "of the source") return 1;
                      if (write_error(kRoot + "/ro/new") != EROFS) return 2;
                      if (write_error(kRoot + "/deep/down/rw/new") != 0) return 3;
                      if (write_error(kRoot + "/deep/down/rw/file") != EROFS) return 4;
                      if (write_error(kRoot + "/tmp/new") != 0) return 5;
                      if (read(kRoot + "/etc/passwd") != "x:0") return 6;
                      if (write_error(kRoot + "/new") != EROFS || write_error(kRoot + "/etc/passwd") != EROFS)
                        return 7;
                      if (::access((kRoot + "/bin").c_str(), F_OK) != 0) return 8;
                      for (const auto* path : {"", "/ro", "/deep/down/rw", "/tmp"})
                        if (~flags_of(kRoot + path) & (ST_NOSUID | ST_NODEV)) return 9;
                      struct stat st{};
                      if (::stat((kRoot + "/tmp").c_str(), &st) < 0 || (st.st_mode & 07777) != 01777)
                        return 10;
                      if (::stat((kRoot + "/deep/down").c_str(), &st) < 0 || (st.st_mode & 07777) != 0755)
                        return 11;
                      return 0;
                    }),
            0);
  EXPECT_TRUE(dir_.exists("source/new"));
}

TEST_F(BoxRoot, NoLinkIsFollowedInASource) {
  ASSERT_EQ(::symlink("source", (dir_ / "link").c_str()), 0);
  const std::string link = dir_ / "link", through = dir_ / "link/file", gone = dir_ / "gone";
  EXPECT_EQ(error_in(RootPart::source, {{.kind = Kind::read_only, .target = "a", .source = link.c_str()}}),
            ELOOP);
  EXPECT_EQ(error_in(RootPart::source, {{.kind = Kind::read_only, .target = "a", .source = through.c_str()}}),
            ELOOP);
  EXPECT_EQ(error_in(RootPart::source, {{.kind = Kind::read_only, .target = "a", .source = gone.c_str()}}),
            ENOENT);
}

/// A link that the box of yesterday left in its home must not lead a protection elsewhere.
TEST_F(BoxRoot, NoLinkIsFollowedInATargetWhereTheBoxMayWrite) {
  ASSERT_EQ(::symlink("sub", (dir_ / "source/link").c_str()), 0);
  const std::vector<RootStep> steps = {
      {.kind = Kind::writable, .target = "rw", .source = source_.c_str()},
      {.kind = Kind::read_only, .target = "rw/link/x", .source = source_.c_str()}};
  EXPECT_EQ(error_in(RootPart::target, steps), ELOOP);
  EXPECT_FALSE(dir_.exists("source/sub/x"));
}

TEST_F(BoxRoot, ALinkInATargetMeansTheBoxsOwnPaths) {
  const std::string absolute = dir_ / "source";
  std::vector<RootStep> steps = {{.kind = Kind::link, .target = "out", .source = absolute.c_str()},
                                 {.kind = Kind::link, .target = "up", .source = "../../../../.."},
                                 {.kind = Kind::directory, .target = "up/made", .links_in_target = true}};
  EXPECT_EQ(in_root(steps, [] { return ::access((kRoot + "/made").c_str(), F_OK) == 0 ? 0 : 1; }), 0);
  steps.push_back({.kind = Kind::directory, .target = "out/made", .links_in_target = true});
  EXPECT_NE(error_in(RootPart::target, steps), 0);
  EXPECT_FALSE(dir_.exists("source/made"));
}

TEST_F(BoxRoot, NothingIsMadeInAReadOnlyMount) {
  const RootStep around{.kind = Kind::read_only, .target = "ro", .source = source_.c_str()};
  EXPECT_EQ(error_in(RootPart::target,
                     {around, {.kind = Kind::read_only, .target = "ro/new", .source = file_.c_str()}}),
            EROFS);
  EXPECT_EQ(error_in(RootPart::target, {around, {.kind = Kind::directory, .target = "ro/new"}}), EROFS);
  EXPECT_EQ(error_in(RootPart::mount,
                     {around, {.kind = Kind::file, .target = "ro/new", .content = "x", .length = 1}}),
            EROFS);
  EXPECT_FALSE(dir_.exists("source/new"));
}

TEST_F(BoxRoot, ADataFileCoversOneInAMountAndCantBeWritten) {
  const std::vector<RootStep> steps = {
      {.kind = Kind::writable, .target = "rw", .source = source_.c_str()},
      {.kind = Kind::data_file, .target = "rw/file", .content = "other", .length = 5, .mode = 0444},
      {.kind = Kind::data_file, .target = "rw/sub/a", .content = "second", .length = 6, .mode = 0444}};
  EXPECT_EQ(in_root(steps,
                    [] {
                      if (read(kRoot + "/rw/file") != "other" || read(kRoot + "/rw/sub/a") != "second")
                        return 1;
                      return write_error(kRoot + "/rw/file") == EROFS ? 0 : 2;
                    }),
            0);
  EXPECT_EQ(dir_.read("source/file"), "of the source");
}

/// A source that holds "/" is cloned while the root is being made.
TEST_F(BoxRoot, IsNotInASourceThatHoldsEverything) {
  const std::vector<RootStep> steps = {{.kind = Kind::file, .target = "first", .content = "x", .length = 1},
                                       {.kind = Kind::read_only, .target = "all", .source = "/"}};
  EXPECT_EQ(in_root(steps,
                    [this] {
                      if (::access((kRoot + "/all/first").c_str(), F_OK) == 0) return 1;
                      if (::access((kRoot + "/all/dev/root").c_str(), F_OK) == 0) return 2;
                      return read(kRoot + "/all" + file_) == "of the source" ? 0 : 3;
                    }),
            0);
}

TEST_F(BoxRoot, DevHasDevicesThatWorkAndTerminalsOfItsOwn) {
  EXPECT_EQ(in_root({{.kind = Kind::dev, .target = "dev"}},
                    [] {
                      const std::string dev = kRoot + "/dev";
                      char byte = 1;
                      const int zero = ::open((dev + "/zero").c_str(), O_RDONLY);
                      if (zero < 0 || ::read(zero, &byte, 1) != 1 || byte != 0) return 1;
                      for (const auto* name : {"null", "full", "random", "urandom", "tty"}) {
                        struct stat st{};
                        if (::stat((dev + "/" + name).c_str(), &st) < 0 || !S_ISCHR(st.st_mode)) return 2;
                      }
                      if (::open((dev + "/pts/ptmx").c_str(), O_RDWR | O_NOCTTY) < 0) return 3;
                      if (::access((dev + "/console").c_str(), F_OK) == 0) return 4;
                      return ::access((dev + "/pts/0").c_str(), F_OK) == 0 ? 0 : 5;
                    }),
            0);
}

TEST_F(BoxRoot, AFailureNamesItsStep) {
  EXPECT_EQ(in_namespaces([&] {
              const std::vector<RootStep> steps = {
                  {.kind = Kind::directory, .target = "a"},
                  {.kind = Kind::read_only, .target = "b", .source = "/gone"},
                  {.kind = Kind::directory, .target = "c"}};
              const auto result = set_up(steps);
              return result.part == RootPart::source && result.step == 1 && errno == ENOENT ? 0 : 1;
            }),
            0);
}

}  // namespace
}  // namespace claudebox::runtime
