#include "runtime/store_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "temp_dir.h"

namespace claudebox::runtime {
namespace {

using testing::TempDir;

void write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

/// The exit status of `body` in user and mount namespaces of its own.
int in_namespaces(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    const uid_t uid = ::getuid();
    const gid_t gid = ::getgid();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) ::_exit(100);
    write("/proc/self/setgroups", "deny");
    write("/proc/self/uid_map", std::to_string(uid) + " " + std::to_string(uid) + " 1");
    write("/proc/self/gid_map", std::to_string(gid) + " " + std::to_string(gid) + " 1");
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

class StoreTree : public ::testing::Test {
 protected:
  StoreTree() {
    for (const auto* name : {"/store", "/place", "/store/a", "/store/other"})
      ::mkdir((dir_.path() + name).c_str(), 0755);
    write(dir_.path() + "/store/a/file", "of a");
    write(dir_.path() + "/store/script", "text");
    EXPECT_EQ(::symlink("a/file", (dir_.path() + "/store/link").c_str()), 0);
  }
  bool set_up(std::vector<const char*> names, int placeholder) {
    return set_up_store_tree({.store = store_.c_str(),
                              .place = place_.c_str(),
                              .names = names.data(),
                              .count = names.size(),
                              .placeholder = placeholder});
  }
  static std::string read(int tree, const char* name) {
    char buffer[16] = {};
    const int file = ::openat(tree, name, O_RDONLY);
    const ssize_t got = file < 0 ? -1 : ::read(file, buffer, sizeof buffer - 1);
    if (file >= 0) ::close(file);
    return got < 0 ? "none" : std::string(buffer, static_cast<std::size_t>(got));
  }

  TempDir dir_;
  std::string store_ = dir_.path() + "/store", place_ = dir_.path() + "/place";
};

TEST_F(StoreTree, HasWhatIsNamedAndNothingElse) {
  EXPECT_EQ(in_namespaces([&] {
              const int tree = ::open("/dev/null", O_PATH);
              if (!set_up({"a", "link", "script"}, tree)) return 1;
              if (read(tree, "a/file") != "of a" || read(tree, "script") != "text") return 2;
              if (read(tree, "link") != "of a") return 3;
              if (::faccessat(tree, "other", F_OK, 0) == 0) return 4;
              return 0;
            }),
            0);
}

TEST_F(StoreTree, NothingInItCanBeWritten) {
  EXPECT_EQ(in_namespaces([&] {
              const int tree = ::open("/dev/null", O_PATH);
              if (!set_up({"a", "script"}, tree)) return 1;
              if (::openat(tree, "a/new", O_WRONLY | O_CREAT, 0600) >= 0 || errno != EROFS) return 2;
              if (::openat(tree, "script", O_WRONLY) >= 0 || errno != EROFS) return 3;
              if (::mkdirat(tree, "new", 0700) == 0 || errno != EROFS) return 4;
              if (::unlinkat(tree, "a/file", 0) == 0 || errno != EROFS) return 5;
              return 0;
            }),
            0);
  EXPECT_EQ(::access((dir_.path() + "/store/a/file").c_str(), F_OK), 0);
}

TEST_F(StoreTree, APathThatIsGoneIsAnError) {
  EXPECT_EQ(in_namespaces([&] {
              return !set_up({"a", "gone"}, ::open("/dev/null", O_PATH)) && errno == ENOENT ? 0 : 1;
            }),
            0);
}

TEST_F(StoreTree, OutsideOfItsNamespaceNothingIsThere) {
  in_namespaces([&] { return set_up({"a"}, ::open("/dev/null", O_PATH)) ? 0 : 1; });
  EXPECT_NE(::access((place_ + "/a").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace claudebox::runtime
