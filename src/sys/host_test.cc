#include "sys/host.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>

#include "base/error.h"
#include "temp_dir.h"

namespace claudebox::sys {
namespace {

std::optional<std::string> real_path_of_libc(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real ? std::optional<std::string>(real.get()) : std::nullopt;
}

void put(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::trunc) << content;
}

class HostFiles : public ::testing::Test {
 protected:
  HostFiles() {
    for (const char* directory : {"a", "a/b", "a/b/c"}) ::mkdir((root_ + "/" + directory).c_str(), 0755);
    ::close(::open((root_ + "/a/b/file").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    link("a/b", "to-b");
    link("../a/b/file", "a/to-file");
    link(root_ + "/to-b/c", "absolute");
    link("nowhere/at/all", "dangling");
    link("loop-2", "loop-1");
    link("loop-1", "loop-2");
    link("..", "a/b/c/up");
  }
  void link(const std::string& target, const std::string& name) {
    ASSERT_EQ(::symlink(target.c_str(), (root_ + "/" + name).c_str()), 0);
  }

  testing::TempDir directory_;
  std::string root_ = *real_path_of_libc(directory_.path());
};

TEST_F(HostFiles, ResolvesPathsAsRealpathDoes) {
  const auto host = this_host();
  for (const char* name : {"",
                           "/",
                           "/a",
                           "/a/b/file",
                           "/to-b",
                           "/to-b/file",
                           "/a/to-file",
                           "/absolute",
                           "/absolute/up",
                           "/absolute/up/file",
                           "/absolute/../file",
                           "/dangling",
                           "/loop-1",
                           "/loop-1/x",
                           "/a/b/file/",
                           "/a/b/file/x",
                           "/a/b/",
                           "//a///b/./c/..",
                           "/to-b/../b",
                           "/missing",
                           "/missing/..",
                           "/a/b/file/.."}) {
    const std::string path = root_ + name;
    EXPECT_EQ(host->real_path(path), real_path_of_libc(path)) << name;
    struct stat st{};
    EXPECT_EQ(host->stat(path).exists(), ::stat(path.c_str(), &st) == 0) << name;
    EXPECT_EQ(host->stat(path).inode, st.st_ino) << name;
  }
  for (const char* path : {"/proc/self/cwd", "/usr/bin", "/bin", "/etc/alternatives", "/"})
    EXPECT_EQ(host->real_path(path), real_path_of_libc(path)) << path;
}

TEST_F(HostFiles, TellsLinksAndWhatTheyPointTo) {
  const auto host = this_host();
  EXPECT_EQ(host->lstat(root_ + "/to-b").kind, FileKind::symlink);
  EXPECT_EQ(host->stat(root_ + "/to-b").kind, FileKind::directory);
  EXPECT_EQ(host->lstat(root_ + "/dangling").kind, FileKind::symlink);
  EXPECT_EQ(host->stat(root_ + "/dangling").kind, FileKind::missing);
}

TEST_F(HostFiles, AnOpenedFileIsLookedAtAndReadAsOne) {
  const std::string file = directory_.path() + "/file";
  put(file, "content");
  ::chmod(file.c_str(), 0640);
  const auto host = this_host();
  auto opened = host->open_file(file, 100);
  EXPECT_EQ(opened.info.kind, FileKind::file);
  EXPECT_EQ(opened.info.mode, 0640U);
  EXPECT_EQ(opened.info.uid, ::getuid());
  EXPECT_EQ(opened.content, "content");
  EXPECT_FALSE(opened.too_large);
  EXPECT_FALSE(host->open_file(file, 7).too_large);
  EXPECT_TRUE(host->open_file(file, 6).too_large);
  // Not from memory.
  put(file, "other");
  EXPECT_EQ(host->open_file(file, 100).content, "other");
}

TEST_F(HostFiles, WhatIsNoFileIsNotOpened) {
  const std::string at = directory_.path();
  put(at + "/file", "content");
  ASSERT_EQ(::symlink((at + "/file").c_str(), (at + "/link").c_str()), 0);
  ASSERT_EQ(::mkfifo((at + "/fifo").c_str(), 0600), 0);
  const auto host = this_host();
  EXPECT_EQ(host->open_file(at + "/link", 100).info.kind, FileKind::symlink);
  EXPECT_TRUE(host->open_file(at + "/link", 100).content.empty());
  EXPECT_EQ(host->open_file(at + "/fifo", 100).info.kind, FileKind::fifo);
  EXPECT_EQ(host->open_file(at, 100).info.kind, FileKind::directory);
  EXPECT_EQ(host->open_file("/dev/null", 100).info.kind, FileKind::device);
  EXPECT_EQ(host->open_file(at + "/none", 100).info.kind, FileKind::missing);
}

/// A hook that can't be looked at is not taken for none.
TEST_F(HostFiles, WhereDescriptorsHaveRunOutThereIsNoAnswer) {
  const auto host = this_host();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_THROW(host->list_directory(root_ + "/a"), base::Error);
  EXPECT_THROW(host->read_file(root_ + "/a/b/file"), base::Error);
  EXPECT_THROW(host->read_head(root_ + "/a/b/file", 1), base::Error);
  EXPECT_THROW(host->open_file(root_ + "/a/b/file", 1), base::Error);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(host->list_directory(root_ + "/a/b").size(), 2U);
}

}  // namespace
}  // namespace claudebox::sys
