#include "sys/fs.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <functional>

#include "base/error.h"
#include "temp_dir.h"

namespace claudebox::sys {
namespace {

using ::testing::HasSubstr;
using testing::TempDir;
using ::testing::UnorderedElementsAre;

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const base::Error& error) {
    return error.message() + " | " + error.hint();
  }
  return {};
}

bool is_missing(const std::variant<std::string, NoFile>& content) {
  return content == std::variant<std::string, NoFile>(NoFile::missing);
}

class FsTest : public ::testing::Test {
 protected:
  TempDir temp;
  Directory root = open_directory(temp.path());
};

TEST_F(FsTest, OpensBeneathTheRoot) {
  std::filesystem::create_directories(temp / "a/b");
  temp.write("a/b/file", "text");
  EXPECT_EQ(read_all(open_beneath(root, "a/b/file", O_RDONLY).get()), "text");
}

TEST_F(FsTest, FollowsNoLinkAnywhere) {
  TempDir elsewhere;
  elsewhere.write("file", "secret");
  std::filesystem::create_directory(temp / "real");
  std::filesystem::create_symlink(elsewhere.path(), temp / "link");
  std::filesystem::create_symlink(elsewhere / "file", temp / "real/file");
  std::filesystem::create_symlink("real", temp / "inside");  // also one that stays beneath
  for (const std::string path : {"link/file", "real/file", "inside", "inside/file"}) {
    EXPECT_FALSE(try_open_beneath(root.get(), path, O_RDONLY)) << path;
    EXPECT_EQ(errno, ELOOP) << path;
  }
}

TEST_F(FsTest, StaysBeneathTheRoot) {
  std::filesystem::create_directory(temp / "a");
  temp.write("outside", "x");
  const Directory a = open_directory(temp / "a");
  for (const std::string path : {"..", "../outside", "/etc/passwd"}) {
    EXPECT_FALSE(try_open_beneath(a.get(), path, O_RDONLY)) << path;
    EXPECT_EQ(errno, EXDEV) << path;
  }
}

TEST_F(FsTest, MessagesNameThePathAndTheWayOut) {
  EXPECT_THAT(error_of([&] { open_beneath(root, "gone", O_RDONLY); }),
              HasSubstr("can't open " + temp / "gone" + ": No such file or directory (ENOENT)"));
  EXPECT_THAT(error_of([&] { throw_file_error(ENOSPC, "write /x"); }), HasSubstr("no space left on"));
  EXPECT_THAT(error_of([&] { throw_file_error(EROFS, "write /x"); }), HasSubstr("read-only"));
}

TEST_F(FsTest, OpensADirectoryOnlyWithoutLinksInItsPath) {
  std::filesystem::create_directory(temp / "real");
  std::filesystem::create_symlink(temp / "real", temp / "link");
  EXPECT_NO_THROW(open_directory(temp / "real"));
  EXPECT_THAT(error_of([&] { open_directory(temp / "link"); }), HasSubstr("ELOOP"));
}

TEST_F(FsTest, MakesDirectories) {
  const Directory made = make_directories_beneath(root, "a/b/c");
  EXPECT_EQ(made.path, temp / "a/b/c");
  struct stat st{};
  ASSERT_EQ(::stat((temp / "a/b").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777U, 0700U);
  EXPECT_NO_THROW(make_directories_beneath(root, "a/b/c"));
}

TEST_F(FsTest, MakesNoDirectoriesThroughALink) {
  TempDir elsewhere;
  std::filesystem::create_symlink(elsewhere.path(), temp / "link");
  EXPECT_THAT(error_of([&] { make_directories_beneath(root, "link/new"); }), HasSubstr(temp / "link"));
  EXPECT_FALSE(elsewhere.exists("new"));
}

TEST_F(FsTest, ReplacesAFileWithItsMode) {
  const mode_t before = ::umask(0777);
  replace_file(root, "file", "old");
  replace_file(root, "file", "new", 0640);
  ::umask(before);
  EXPECT_EQ(temp.read("file"), "new");
  struct stat st{};
  ASSERT_EQ(::stat((temp / "file").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777U, 0640U);
  EXPECT_THAT(entry_names(root), UnorderedElementsAre("file"));
}

TEST_F(FsTest, ReplacesALinkNotItsTarget) {
  TempDir elsewhere;
  elsewhere.write("file", "precious");
  std::filesystem::create_symlink(elsewhere / "file", temp / "file");
  replace_file(root, "file", "new");
  EXPECT_EQ(elsewhere.read("file"), "precious");
  EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(temp / "file")));
}

TEST_F(FsTest, DoesNotWriteThroughAHardLink) {
  temp.write("other", "precious");
  std::filesystem::create_hard_link(temp / "other", temp / "file");
  replace_file(root, "file", "new");
  EXPECT_EQ(temp.read("other"), "precious");
}

TEST_F(FsTest, ReplacesANameOfTheLongestKind) {
  const std::string name(255, 'n');
  replace_file(root, name, "x");
  EXPECT_EQ(temp.read(name), "x");
}

/// A write that fails in the middle, as on a full disk (RLIMIT_FSIZE works without a file system of one's own).
TEST_F(FsTest, KeepsTheOldFileWhereTheNewOneCantBeWritten) {
  replace_file(root, "file", "old");
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string error = error_of([&] { replace_file(root, "file", std::string(8192, 'x')); });
    ::_exit(error.find(temp / "file") != std::string::npos && error.find("EFBIG") != std::string::npos ? 0
                                                                                                       : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(temp.read("file"), "old");
  EXPECT_THAT(entry_names(root), UnorderedElementsAre("file"));
}

/// Whoever reads meanwhile, and whoever kills the writer, meets one whole state.
TEST_F(FsTest, IsNeverSeenHalfWritten) {
  const std::string old_content(100'000, 'o');
  const std::string new_content(150'000, 'n');
  replace_file(root, "file", old_content);
  for (int round = 0; round < 40; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      while (true) {
        replace_file(root, "file", new_content);
        replace_file(root, "file", old_content);
      }
    }
    for (int i = 0; i < 20; ++i) {
      const std::string seen = temp.read("file");
      ASSERT_TRUE(seen == old_content || seen == new_content) << seen.size();
    }
    ::usleep(static_cast<useconds_t>(round * 137));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const std::string seen = temp.read("file");
    ASSERT_TRUE(seen == old_content || seen == new_content) << seen.size();
  }
}

TEST_F(FsTest, ReadsRegularFilesOnlyAndNeverBlocks) {
  temp.write("file", "12345");
  ASSERT_EQ(::mkfifo((temp / "fifo").c_str(), 0600), 0);
  std::filesystem::create_directory(temp / "directory");
  std::filesystem::create_symlink(temp / "file", temp / "link");
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (temp / "socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(std::get<std::string>(read_file_beneath(root, "file", 5)), "12345");
  EXPECT_EQ(std::get<NoFile>(read_file_beneath(root, "file", 4)), NoFile::too_large);
  for (const std::string name : {"fifo", "directory", "link", "socket", "file/below"})
    EXPECT_EQ(std::get<NoFile>(read_file_beneath(root, name, 100)), NoFile::not_regular) << name;
  EXPECT_TRUE(is_missing(read_file_beneath(root, "gone", 100)));
}

TEST_F(FsTest, RemovesTreesWithoutFollowingLinks) {
  TempDir elsewhere;
  elsewhere.write("file", "precious");
  std::filesystem::create_directories(temp / "tree/a/b/c");
  temp.write("tree/a/file", "x");
  std::filesystem::create_symlink(elsewhere.path(), temp / "tree/a/link");
  std::filesystem::create_symlink(elsewhere / "file", temp / "tree/link");
  remove_tree(root, "tree");
  EXPECT_FALSE(temp.exists("tree"));
  EXPECT_EQ(elsewhere.read("file"), "precious");
}

TEST_F(FsTest, RemovesALinkToATreeAsALink) {
  TempDir elsewhere;
  elsewhere.write("file", "precious");
  std::filesystem::create_symlink(elsewhere.path(), temp / "tree");
  remove_tree(root, "tree");
  EXPECT_FALSE(temp.exists("tree"));
  EXPECT_TRUE(elsewhere.exists("file"));
}

TEST_F(FsTest, RemovesNothingWhereNothingIs) {
  EXPECT_NO_THROW(remove_tree(root, "gone"));
}

TEST_F(FsTest, RemovesDirectoriesThatMayNotBeRead) {
  std::filesystem::create_directories(temp / "tree/closed/inner/deep");
  temp.write("tree/closed/inner/file", "x");
  ::chmod((temp / "tree/closed/inner/deep").c_str(), 0);
  ::chmod((temp / "tree/closed/inner").c_str(), 0);
  ::chmod((temp / "tree/closed").c_str(), 0);
  ::chmod((temp / "tree").c_str(), 0500);
  remove_tree(root, "tree");
  EXPECT_FALSE(temp.exists("tree"));
}

/// Deeper than there are descriptors and than a path may be long: a box can make that with mkdir and chdir.
TEST_F(FsTest, RemovesTreesOfAnyDepth) {
  Directory at = make_directories_beneath(root, "tree");
  for (int depth = 0; depth < 2000; ++depth) {
    ASSERT_EQ(::mkdirat(at.get(), "directory-with-a-name", 0700), 0);
    at = {UniqueFd(::openat(at.get(), "directory-with-a-name", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), "deep"};
  }
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit few{32, 32};
    ::setrlimit(RLIMIT_NOFILE, &few);
    ::_exit(error_of([&] { remove_tree(root, "tree"); }).empty() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(temp.exists("tree"));
}

TEST_F(FsTest, RemovesWhatItCanAndNamesTheRest) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to make what an ordinary user can't remove";
  std::filesystem::create_directories(temp / "tree/theirs/inner");
  std::filesystem::create_directories(temp / "tree/above/between/theirs/inner");
  std::filesystem::create_directories(temp / "tree/ours");
  for (const std::string path : {"", "tree", "tree/ours", "tree/above", "tree/above/between"})
    ASSERT_EQ(::chown((temp / path).c_str(), 65534, 65534), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setresgid(65534, 65534, 65534) < 0 || ::setresuid(65534, 65534, 65534) < 0) ::_exit(2);
    const std::string error = error_of([&] { remove_tree(root, "tree"); });
    ::_exit(error.find("can't remove " + temp / "tree/") != std::string::npos &&
                    error.find("theirs") != std::string::npos
                ? 0
                : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(temp.exists("tree/ours"));
  EXPECT_TRUE(temp.exists("tree/theirs/inner"));
}

TEST_F(FsTest, RandomNamesDiffer) {
  EXPECT_EQ(random_name().size(), 8U);
  EXPECT_NE(random_name(), random_name());
}

}  // namespace
}  // namespace claudebox::sys
