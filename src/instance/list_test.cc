#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <ctime>

#include "base/path.h"
#include "instance/layout.h"
#include "instance_fixture.h"

namespace claudebox::instance {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::Field;
using testing::ForkedChild;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace fs = std::filesystem;

class ListTest : public testing::InstanceTest {
 protected:
  plan::Plan made(const std::string& name) const {
    plan::Plan plan = plan_for(name);
    const Lease lease = take(plan);
    return plan;
  }
  /// An instance as another id and with another mount point, as if made on another machine's disk.
  void set_mount_point(const plan::Plan& plan, const std::string& mount_point) const {
    Manifest manifest = std::get<Manifest>(read_manifest(sys::open_directory(plan.instance.directory)));
    manifest.mount_point = mount_point;
    std::ofstream(plan.instance.directory + "/instance.json") << format_manifest(manifest);
  }
  void copy_as(const plan::Plan& plan, const std::string& id) const {
    fs::copy(plan.instance.directory, state + "/instances/" + id, fs::copy_options::recursive);
  }
};

TEST_F(ListTest, NoStateIsNoInstances) {
  EXPECT_THAT(list(state), IsEmpty());
  EXPECT_THAT(collectable(state), IsEmpty());
  EXPECT_THAT(error_of([&] { find(state, "abc"); }), HasSubstr("no instance 'abc'"));
  EXPECT_FALSE(fs::exists(state)) << "looking makes nothing";
}

TEST_F(ListTest, ShowsWhatThereIs) {
  const plan::Plan plan = made("project");
  const std::int64_t now = ::time(nullptr);
  const auto records = list(state);
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].id, plan.instance.id);
  EXPECT_EQ(records[0].directory, plan.instance.directory);
  EXPECT_EQ(records[0].canonical_root, plan.project.root);
  EXPECT_NEAR(static_cast<double>(records[0].created), static_cast<double>(now), 5);
  EXPECT_NEAR(static_cast<double>(records[0].last_used), static_cast<double>(now), 5);
  EXPECT_TRUE(records[0].project_exists);
  EXPECT_FALSE(records[0].project_gone);
  EXPECT_FALSE(records[0].live);
  EXPECT_EQ(records[0].problem, "");
}

TEST_F(ListTest, ShowsWhatIsLiveAndWhoHoldsIt) {
  const plan::Plan plan = plan_for("project");
  const Lease lease = take(plan);
  const Record record = find(state, plan.instance.id);
  EXPECT_TRUE(record.live);
  EXPECT_THAT(holders(record), ElementsAre(self()));
}

/// A corrupt instance is shown with its problem, and hides none of the others.
TEST_F(ListTest, ABadOneHidesNoOther) {
  const plan::Plan bad = made("bad");
  made("good");
  std::ofstream(bad.instance.directory + "/instance.json") << "{";
  const auto records = list(state);
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].problem.empty(), records[0].id != bad.instance.id);
  EXPECT_EQ(records[1].problem.empty(), records[1].id != bad.instance.id);
  EXPECT_THAT(find(state, bad.instance.id).problem, HasSubstr("not a JSON object"));
}

TEST_F(ListTest, FindsByUniquePrefix) {
  const plan::Plan plan = made("project");
  EXPECT_EQ(find(state, plan.instance.id.substr(0, 5)).id, plan.instance.id);
  copy_as(plan, plan.instance.id + "-review");
  EXPECT_EQ(find(state, plan.instance.id).id, plan.instance.id) << "the whole id is exact";
  EXPECT_THAT(error_of([&] { find(state, plan.instance.id.substr(0, 5)); }),
              AllOf(HasSubstr("more than one"), HasSubstr(plan.instance.id + "-review")));
  EXPECT_EQ(find(state, plan.instance.id + "-r").id, plan.instance.id + "-review");
}

TEST_F(ListTest, NamesTheNearestId) {
  const plan::Plan plan = made("project");
  std::string misspelt = plan.instance.id;
  misspelt[3] = misspelt[3] == 'x' ? 'y' : 'x';
  EXPECT_THAT(error_of([&] { find(state, misspelt); }), HasSubstr("did you mean " + plan.instance.id));
  EXPECT_THAT(error_of([&] { find(state, ""); }), HasSubstr("no instance ''"));
  EXPECT_THAT(error_of([&] { find(state, "../x"); }), HasSubstr("no instance"));
}

TEST_F(ListTest, CollectsWhatBelongsToProjectsThatAreGone) {
  const plan::Plan gone = made("gone");
  made("there");
  fs::remove_all(gone.project.root);
  EXPECT_THAT(collectable(state), ElementsAre(Field(&Record::id, gone.instance.id)));
}

TEST_F(ListTest, CollectsWhereTheParentIsGoneToo) {
  const plan::Plan gone = made("work/deep/gone");
  fs::remove_all(temp / "work");
  EXPECT_THAT(collectable(state), ElementsAre(Field(&Record::id, gone.instance.id)));
}

/// A disk that is not plugged in looks like a project that was deleted, its mount point like its parent.
TEST_F(ListTest, NeverCollectsWhatLiesOnADiskThatIsNotMounted) {
  fs::create_directories(temp / "media/usb");
  const plan::Plan plan = made("media/usb/project");
  set_mount_point(plan, temp / "media/usb");
  fs::remove_all(plan.project.root);
  EXPECT_THAT(collectable(state), IsEmpty());
  EXPECT_FALSE(find(state, plan.instance.id).project_exists);
  fs::remove_all(temp / "media");
  EXPECT_THAT(collectable(state), IsEmpty());
}

TEST_F(ListTest, NeverCollectsWhatItMayNotLookAt) {
  // Root may look everywhere, so it becomes somebody else.
  const bool root = ::geteuid() == 0;
  ASSERT_TRUE(!root || ::chown(temp.path().c_str(), 65534, 65534) == 0);
  ForkedChild child([&] {
    if (root && (::setresgid(65534, 65534, 65534) < 0 || ::setresuid(65534, 65534, 65534) < 0)) return 2;
    const plan::Plan plan = made("closed/project");
    ::chmod((temp / "closed").c_str(), 0);
    const bool taken = !collectable(state).empty();
    ::chmod((temp / "closed").c_str(), 0700);
    return taken ? 1 : 0;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(ListTest, NeverCollectsALiveOneOrOneWithAProblem) {
  const plan::Plan live = plan_for("live");
  const plan::Plan bad = made("bad");
  const Lease lease = take(live);
  std::ofstream(bad.instance.directory + "/instance.json") << "{";
  fs::remove_all(live.project.root);
  fs::remove_all(bad.project.root);
  EXPECT_THAT(collectable(state), IsEmpty());
}

TEST_F(ListTest, CollectsLeftOversOfInterruptions) {
  made("project");
  const std::string instances = state + "/instances/";
  fs::create_directories(instances + ".trash-0123.abc/home");
  fs::create_directories(instances + ".new-0123.fresh");
  fs::create_directories(instances + ".new-0123.old");
  const timespec old[2] = {{.tv_sec = 1'000'000'000, .tv_nsec = 0}, {.tv_sec = 1'000'000'000, .tv_nsec = 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (instances + ".new-0123.old").c_str(), old, 0), 0);
  EXPECT_THAT(list(state), SizeIs(1)) << "they are no instances";
  const auto records = collectable(state);
  EXPECT_THAT(records,
              ElementsAre(Field(&Record::id, ".new-0123.old"), Field(&Record::id, ".trash-0123.abc")));
  for (const auto& record : records) remove(state, record);
  EXPECT_THAT(collectable(state), IsEmpty());
  EXPECT_TRUE(fs::exists(instances + ".new-0123.fresh")) << "somebody is making it right now";
}

TEST_F(ListTest, Removes) {
  const plan::Plan plan = made("project");
  std::ofstream(plan.instance.home + "/file") << "x";
  remove(state, find(state, plan.instance.id));
  EXPECT_THAT(names_in(state + "/instances"), IsEmpty());
  EXPECT_TRUE(fs::exists(plan.project.root)) << "the project is not the instance";
}

TEST_F(ListTest, RemovesACorruptOne) {
  const plan::Plan plan = made("project");
  std::ofstream(plan.instance.directory + "/instance.json") << "{";
  remove(state, find(state, plan.instance.id));
  EXPECT_THAT(list(state), IsEmpty());
}

TEST_F(ListTest, RefusesToRemoveALiveOne) {
  const plan::Plan plan = plan_for("project");
  Record record;
  {
    const Lease lease = take(plan);
    record = find(state, plan.instance.id);
    EXPECT_THAT(error_of([&] { remove(state, record); }),
                AllOf(HasSubstr("a box is running on it"), HasSubstr("pid " + std::to_string(::getpid()))));
  }
  record.live = false;  // as it was when it was listed
  const Lease lease = take(plan);
  EXPECT_THAT(error_of([&] { remove(state, record); }), HasSubstr("a box is running on it"));
  EXPECT_TRUE(fs::exists(plan.instance.home));
}

TEST_F(ListTest, RemovesNothingThroughALink) {
  testing::TempDir host;
  host.write("precious", "x");
  const plan::Plan plan = made("project");
  fs::create_directory_symlink(host.path(), plan.instance.home + "/link");
  remove(state, find(state, plan.instance.id));
  EXPECT_TRUE(host.exists("precious"));
}

/// Removal and starts at once: no start finds half an instance, no live one is removed.
TEST_F(ListTest, RemovalAndStartsDontMeet) {
  const plan::Plan plan = made("project");
  ForkedChild remover([&] {
    while (true) {
      try {
        remove(state, find(state, plan.instance.id));
      } catch (const base::Error&) {  // live, or not there just now
      }
    }
    return 0;
  });
  for (int round = 0; round < 200; ++round) {
    ASSERT_EQ(error_of([&] {
                const Lease lease = take(plan);
                prepare(plan);
                if (!fs::exists(plan.instance.home)) throw base::Error("removed under our feet");
              }),
              "");
  }
}

/// Killed at any system call of a removal, the instance is whole or nobody finds it any more; gc takes the rest.
TEST_F(ListTest, ACrashWhileRemovingLeavesNoHalf) {
  const plan::Plan plan = plan_for("project");
  int whole = 0;
  int none = 0;
  for (int nth = 1;; ++nth) {
    {
      const Lease lease = take(plan);
    }
    for (int i = 0; i < 5; ++i) std::ofstream(plan.instance.home + "/file" + std::to_string(i)) << i;
    const Record record = find(state, plan.instance.id);
    const bool killed = testing::killed_at_system_call(nth, [&] {
      remove(state, record);
      return 0;
    });
    if (!killed) break;
    const auto left = list(state);
    left.empty() ? ++none : ++whole;
    if (!left.empty()) {
      ASSERT_EQ(left[0].problem, "");
      ASSERT_THAT(names_in(plan.instance.home), SizeIs(5)) << nth;
    }
    for (const auto& rest : collectable(state)) remove(state, rest);
    ASSERT_THAT(names_in(state + "/instances"), SizeIs(left.size())) << nth;
  }
  EXPECT_GT(none, 10);
  EXPECT_GT(whole, 10);
}

TEST_F(ListTest, AddsUpWhatIsOnDisk) {
  testing::TempDir elsewhere;
  elsewhere.write("large", std::string(1 << 20, 'x'));
  const plan::Plan plan = made("project");
  const Record record = find(state, plan.instance.id);
  const std::uint64_t before = disk_usage(record);
  std::ofstream(plan.instance.home + "/file") << std::string(100'000, 'x');
  fs::create_hard_link(plan.instance.home + "/file", plan.instance.home + "/again");
  fs::create_directory_symlink(elsewhere.path(), plan.instance.home + "/link");
  std::ofstream(plan.instance.home + "/sparse") << "x";
  fs::resize_file(plan.instance.home + "/sparse", 1ULL << 40U);
  const std::uint64_t grown = disk_usage(record) - before;
  EXPECT_GE(grown, 100'000U);
  EXPECT_LT(grown, 150'000U);
}

TEST_F(ListTest, KeepsTheApprovedPlan) {
  const plan::Plan plan = plan_for("project");
  EXPECT_EQ(approved_plan(plan), std::nullopt);
  EXPECT_FALSE(fs::exists(state)) << "looking makes nothing";
  store_approved(plan, "mounts: /usr\n");
  EXPECT_EQ(approved_plan(plan), "mounts: /usr\n");
  store_approved(plan, "other");
  EXPECT_EQ(approved_plan(plan), "other");
  EXPECT_EQ(approved_plan(plan_for("another")), std::nullopt);
  {
    const Lease lease = take(plan);
  }
  EXPECT_EQ(find(state, plan.instance.id).problem, "");
}

}  // namespace
}  // namespace claudebox::instance
