#include "runtime/sweep.h"

#include <gmock/gmock.h>

#include "temp_dir.h"

namespace claudebox::runtime {
namespace {

using ::testing::IsEmpty;
using testing::TempDir;

TEST(Snapshot, SeesNewChangedAndGone) {
  const TempDir project;
  project.write("changed", "a");
  project.write("gone", "a");
  project.write("same", "a");
  std::filesystem::create_directory(project / "tasks");
  project.write("tasks/old", "a");
  const Snapshot before({{project / "new", "runs"},
                         {project / "changed", "runs"},
                         {project / "gone", "runs"},
                         {project / "same", "runs"},
                         {project / "tasks", "runs"}});
  EXPECT_THAT(before.compare(), IsEmpty());
  project.write("new", "x");
  project.write("changed", "b");
  std::filesystem::remove(project / "gone");
  project.write("tasks/old", "bb");
  const std::vector<report::Finding> expected = {{project / "new", "new: runs"},
                                                 {project / "changed", "changed: runs"},
                                                 {project / "gone", "gone: runs"},
                                                 {project / "tasks", "changed: runs"}};
  EXPECT_EQ(before.compare(), expected);
}

TEST(Snapshot, ALinkInPlaceOfAFileIsAChange) {
  const TempDir project;
  project.write("file", "a");
  project.write("twin", "a");
  const Snapshot before({{project / "file", "runs"}});
  std::filesystem::remove(project / "file");
  std::filesystem::create_symlink("twin", project / "file");
  EXPECT_EQ(before.compare().size(), 1U);
}

}  // namespace
}  // namespace claudebox::runtime
