#include "runtime/sources.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "temp_dir.h"

namespace claudebox::runtime {
namespace {

using testing::TempDir;

TEST(Sources, AreOpenedWithoutFollowingLinks) {
  const TempDir work;
  std::filesystem::create_directory(work / "real");
  EXPECT_EQ(open_options({plan::BoundPath{work / "real"}}).descriptors.size(), 1U);

  std::filesystem::create_directory_symlink("real", work / "link");
  EXPECT_THROW(open_options({plan::BoundPath{work / "link"}}), base::Error);  // swapped in at the end
  work.write("real/file", "x");
  EXPECT_THROW(open_options({plan::BoundPath{work / "link/file"}}), base::Error);  // and on the way
  EXPECT_THROW(open_options({plan::BoundPath{work / "none"}}), base::Error);
}

TEST(Sources, ContentsArePassedInMemoryFromTheirStart) {
  const auto options = open_options({plan::Bytes{"hello\n"}, std::string("--x")});
  EXPECT_EQ(sys::read_all(options.descriptors.at(0).get()), "hello\n");
  EXPECT_EQ(options.text, std::to_string(options.descriptors.at(0).get()) + std::string("\0--x\0", 5));
}

TEST(Sources, ANulByteWouldSplitAnOption) {
  EXPECT_THROW(open_options({std::string("a\0--bind", 8)}), base::Error);
}

}  // namespace
}  // namespace claudebox::runtime
