#include "runtime/guard.h"

#include <gmock/gmock.h>
#include <poll.h>

#include "base/error.h"
#include "temp_dir.h"

namespace claudebox::runtime {
namespace {

using ::testing::HasSubstr;
using testing::TempDir;
using Response = plan::Watch::Response;

bool has_event(const Guard& guard) {
  pollfd wait{.fd = guard.descriptor(), .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, 2000) == 1;
}

TEST(Guard, NothingToWatchNeedsNoDescriptor) {
  EXPECT_EQ(Guard({}).descriptor(), -1);
}

TEST(Guard, AForbiddenNameIsMovedAwayHoweverItComes) {
  const auto plant = [](const TempDir& git, int way) {
    git.write("other", "x");
    if (way == 0) git.write("commondir", "/evil\n");
    if (way == 1) std::filesystem::rename(git / "other", git / "commondir");
    if (way == 2) std::filesystem::create_hard_link(git / "other", git / "commondir");
    if (way == 3) std::filesystem::create_symlink("other", git / "commondir");
    if (way == 4) std::filesystem::create_directory(git / "commondir");
  };
  for (int way = 0; way < 5; ++way) {
    const TempDir git;
    Guard guard({{git.path(), "commondir", Response::remove_and_end, "redirects git"}});
    EXPECT_EQ(guard.check(), "");
    plant(git, way);
    ASSERT_TRUE(has_event(guard)) << way;
    EXPECT_THAT(guard.check(), HasSubstr("redirects git")) << way;
    EXPECT_FALSE(git.exists("commondir")) << way;
  }
}

TEST(Guard, ALostEventHidesNothing) {
  const TempDir git;
  Guard guard({{git.path(), "commondir", Response::remove_and_end, ""}});
  for (int i = 0; i < 20000; ++i) git.write("f" + std::to_string(i % 50) + (i % 2 ? "a" : "b"), "");
  git.write("commondir", "/evil\n");
  EXPECT_NE(guard.check(), "");
  EXPECT_FALSE(git.exists("commondir"));
}

TEST(Guard, AMovedDirectoryIsStillCleaned) {
  const TempDir work;
  std::filesystem::create_directory(work / ".git");
  Guard guard({{work / ".git", "commondir", Response::remove_and_end, ""}});
  std::filesystem::rename(work / ".git", work / "x");
  work.write("x/commondir", "/evil\n");
  EXPECT_NE(guard.check(), "");
  EXPECT_FALSE(work.exists("x/commondir"));
}

TEST(Guard, AReplacedCoverEndsTheBox) {
  const TempDir git;
  git.write("config", "[core]\n");
  Guard guard({{git.path(), "config", Response::end, "git runs what it names"}});
  git.write("unrelated", "x");
  EXPECT_EQ(guard.check(), "");
  git.write("config.lock", "[core]\n");
  std::filesystem::rename(git / "config.lock", git / "config");
  EXPECT_THAT(guard.check(), HasSubstr("no longer holds"));
}

TEST(Guard, ANameThatIsThereAtTheStartIsAnError) {
  const TempDir git;
  git.write("commondir", "/evil\n");
  EXPECT_THROW(Guard({{git.path(), "commondir", Response::remove_and_end, ""}}), base::Error);
}

}  // namespace
}  // namespace claudebox::runtime
