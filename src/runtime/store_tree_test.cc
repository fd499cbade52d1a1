#include "runtime/store_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "in_namespaces.h"
#include "temp_dir.h"

namespace claudebox::runtime {
namespace {

using testing::in_namespaces;
using testing::TempDir;

class StoreTree : public ::testing::Test {
 protected:
  StoreTree() {
    for (const auto* name : {"/store", "/place", "/store/a", "/store/other"})
      ::mkdir((dir_.path() + name).c_str(), 0755);
    dir_.write("store/a/file", "of a");
    dir_.write("store/script", "text");
    EXPECT_EQ(::symlink("a/file", (dir_ / "store/link").c_str()), 0);
  }
  /// A descriptor of the tree, -1 where there is none.
  int set_up(std::vector<const char*> names) {
    const int place = ::open(place_.c_str(), O_PATH | O_DIRECTORY);
    if (!set_up_store_tree(store_.c_str(), names.data(), names.size(), place)) return -1;
    return ::open(place_.c_str(), O_PATH | O_DIRECTORY);
  }
  static std::string read(int tree, const char* name) {
    char buffer[16] = {};
    const int file = ::openat(tree, name, O_RDONLY);
    const ssize_t got = file < 0 ? -1 : ::read(file, buffer, sizeof buffer - 1);
    if (file >= 0) ::close(file);
    return got < 0 ? "none" : std::string(buffer, static_cast<std::size_t>(got));
  }

  TempDir dir_;
  std::string store_ = dir_ / "store", place_ = dir_ / "place";
};

TEST_F(StoreTree, HasWhatIsNamedAndNothingElse) {
  EXPECT_EQ(in_namespaces([&] {
              const int tree = set_up({"a", "link", "script"});
              if (tree < 0) return 1;
              if (read(tree, "a/file") != "of a" || read(tree, "script") != "text") return 2;
              if (read(tree, "link") != "of a") return 3;
              if (::faccessat(tree, "other", F_OK, 0) == 0) return 4;
              return 0;
            }),
            0);
}

TEST_F(StoreTree, NothingInItCanBeWritten) {
  EXPECT_EQ(in_namespaces([&] {
              const int tree = set_up({"a", "script"});
              if (tree < 0) return 1;
              if (::openat(tree, "a/new", O_WRONLY | O_CREAT, 0600) >= 0 || errno != EROFS) return 2;
              if (::openat(tree, "script", O_WRONLY) >= 0 || errno != EROFS) return 3;
              if (::mkdirat(tree, "new", 0700) == 0 || errno != EROFS) return 4;
              if (::unlinkat(tree, "a/file", 0) == 0 || errno != EROFS) return 5;
              return 0;
            }),
            0);
  EXPECT_TRUE(dir_.exists("store/a/file"));
}

TEST_F(StoreTree, APathThatIsGoneIsAnError) {
  EXPECT_EQ(in_namespaces([&] { return set_up({"a", "gone"}) < 0 && errno == ENOENT ? 0 : 1; }), 0);
}

TEST_F(StoreTree, OutsideOfItsNamespaceNothingIsThere) {
  EXPECT_EQ(in_namespaces([&] { return set_up({"a"}) >= 0 ? 0 : 1; }), 0);
  EXPECT_FALSE(dir_.exists("place/a"));
}

}  // namespace
}  // namespace claudebox::runtime
