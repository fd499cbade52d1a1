#include "instance/layout.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cstdio>

#include "instance_fixture.h"

namespace claudebox::instance {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using testing::ForkedChild;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

mode_t mode_of(const std::string& path) {
  struct stat st{};
  return ::lstat(path.c_str(), &st) == 0 ? st.st_mode & 07777 : 0;
}

class LayoutTest : public testing::InstanceTest {
 protected:
  void write_manifest(const std::string& content) const {
    std::ofstream(plan.instance.directory + "/instance.json") << content;
  }
  std::string acquire_error() const {
    return error_of([&] { take(plan); });
  }

  plan::Plan plan = plan_for("project");
};

TEST_F(LayoutTest, MakesAPrivateInstanceWhateverTheUmask) {
  for (const mode_t mask : {0U, 0077U, 0022U}) {
    std::filesystem::remove_all(state);
    const mode_t before = ::umask(mask);
    {
      const Lease lease = take(plan);
    }
    ::umask(before);
    for (const auto& path : {state, state + "/instances", plan.instance.directory, plan.instance.home})
      EXPECT_EQ(mode_of(path), 0700U) << path;
    EXPECT_EQ(mode_of(plan.instance.directory + "/instance.json"), 0600U);
  }
}

TEST_F(LayoutTest, TheManifestSaysWhoseItIs) {
  {
    const Lease lease = take(plan);
  }
  const auto manifest = std::get<Manifest>(read_manifest(sys::open_directory(plan.instance.directory)));
  EXPECT_EQ(manifest.id, plan.instance.id);
  EXPECT_EQ(manifest.canonical_root, plan.project.canonical_root);
  EXPECT_EQ(manifest.uid, ::geteuid());
  EXPECT_GT(manifest.created, 1'700'000'000);
}

TEST_F(LayoutTest, AnyPathCanBeAProject) {
  for (const std::string name : {"with space", "quo\"te'", "new\nline", "latin-\xe9", "\xef\xbf\xbd", "\\"}) {
    const plan::Plan odd = plan_for(name);
    {
      const Lease lease = take(odd);
    }
    EXPECT_EQ(find(state, odd.instance.id).canonical_root, odd.project.canonical_root) << name;
    EXPECT_TRUE(find(state, odd.instance.id).project_exists) << name;
  }
}

TEST_F(LayoutTest, RefusesACorruptManifestAndNamesTheFileAndTheWayOut) {
  {
    const Lease lease = take(plan);
  }
  for (const std::string content :
       {"", "{", "[]", "\xff", "{\"schema\": 1}", "{\"schema\": \"1\", \"id\": \"x\"}",
        "{\"schema\":1,\"id\":1,\"canonical_root\":\"/x\",\"uid\":0,\"created\":1}"}) {
    write_manifest(content);
    EXPECT_THAT(acquire_error(),
                AllOf(HasSubstr(plan.instance.directory + "/instance.json"), HasSubstr("instance rm")))
        << content;
  }
  std::filesystem::remove(plan.instance.directory + "/instance.json");
  EXPECT_THAT(acquire_error(), HasSubstr("it is missing"));
}

TEST_F(LayoutTest, RefusesTheInstanceOfANewerClaudebox) {
  {
    const Lease lease = take(plan);
  }
  write_manifest("{\"schema\": 2, \"whatever\": true}");
  EXPECT_THAT(acquire_error(),
              AllOf(HasSubstr("a newer claudebox wrote it (schema 2"), HasSubstr("update claudebox")));
}

TEST_F(LayoutTest, RefusesACopyOfAnotherInstance) {
  {
    const Lease lease = take(plan);
  }
  const plan::Plan other = plan_for("other");
  std::filesystem::copy(plan.instance.directory, other.instance.directory,
                        std::filesystem::copy_options::recursive);
  EXPECT_THAT(error_of([&] { take(other); }),
              AllOf(HasSubstr("belongs to " + plan.project.root), HasSubstr(other.project.root)));
}

TEST_F(LayoutTest, RefusesWhatOthersMayWrite) {
  {
    const Lease lease = take(plan);
  }
  for (const auto& path : {state, state + "/instances", plan.instance.directory})
    for (const mode_t mode : {0720U, 0702U, 0777U}) {
      ::chmod(path.c_str(), mode);
      EXPECT_THAT(acquire_error(),
                  AllOf(HasSubstr(path + " can be written by others"), HasSubstr("chmod go-rwx")));
      ::chmod(path.c_str(), 0700);
    }
}

TEST_F(LayoutTest, TakesAwayWhatOthersMayRead) {
  {
    const Lease lease = take(plan);
  }
  ::chmod(plan.instance.directory.c_str(), 0755);
  {
    const Lease lease = take(plan);
  }
  EXPECT_EQ(mode_of(plan.instance.directory), 0700U);
}

TEST_F(LayoutTest, RefusesWhatBelongsToSomebodyElse) {
  {
    const Lease lease = take(plan);
  }
  plan::Plan other = plan;
  other.uid = plan.uid + 1;
  EXPECT_THAT(error_of([&] { take(other); }),
              AllOf(HasSubstr(state + " belongs to uid " + std::to_string(::geteuid())),
                    HasSubstr("CLAUDEBOX_HOME")));
}

TEST_F(LayoutTest, RefusesLinks) {
  testing::TempDir elsewhere;
  {
    const Lease lease = take(plan);
  }
  for (const auto& path : {plan.instance.directory, state + "/instances", state}) {
    std::filesystem::rename(path, elsewhere / "moved");
    std::filesystem::create_directory_symlink(elsewhere / "moved", path);
    EXPECT_THAT(acquire_error(), AllOf(HasSubstr(path), HasSubstr("symbolic link"))) << path;
    std::filesystem::remove(path);
    std::filesystem::rename(elsewhere / "moved", path);
  }
}

TEST_F(LayoutTest, TakesAnEmptyDirectoryAsNone) {
  {
    const Lease lease = take(plan);
  }
  std::filesystem::remove_all(plan.instance.directory);
  std::filesystem::create_directory(plan.instance.directory);
  EXPECT_EQ(acquire_error(), "");
  EXPECT_TRUE(std::filesystem::exists(plan.instance.home));
}

/// Killed at any system call, a first start leaves the instance whole or not there.
TEST_F(LayoutTest, ACrashLeavesAWholeInstanceOrNone) {
  int whole = 0;
  int none = 0;
  for (int nth = 1;; ++nth) {
    std::filesystem::remove_all(state);
    const bool killed = testing::killed_at_system_call(nth, [&] {
      const Lease lease = take(plan);
      prepare(plan);
      return 0;
    });
    if (!killed) break;
    const auto records = list(state);
    records.empty() ? ++none : ++whole;
    for (const auto& record : records) {
      ASSERT_EQ(record.id, plan.instance.id);
      ASSERT_EQ(record.problem, "") << nth;
      ASSERT_EQ(record.canonical_root, plan.project.canonical_root);
      ASSERT_FALSE(record.live);
      ASSERT_TRUE(std::filesystem::is_directory(plan.instance.home));
    }
    ASSERT_EQ(acquire_error(), "") << nth;
  }
  EXPECT_GT(none, 20);
  EXPECT_GT(whole, 20);
}

/// A file system of our own with room for `kilobytes` and `files`, in a child; as an ordinary user in a user namespace
/// that maps the same ids.
bool mount_tiny(const std::string& where, int kilobytes, int files) {
  const std::string uid = std::to_string(::geteuid());
  const std::string gid = std::to_string(::getegid());
  if (::unshare(::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0) return false;
  if (uid != "0") {
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << uid + " " + uid + " 1";
    std::ofstream("/proc/self/gid_map") << gid + " " + gid + " 1";
  }
  ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  const std::string options =
      "mode=0700,size=" + std::to_string(kilobytes) + "k,nr_inodes=" + std::to_string(files);
  return ::mount("tmpfs", where.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

constexpr int kNoMount = 77;

/// Every point at which the disk can be full: room for one file more each time, until a start succeeds.
TEST_F(LayoutTest, AFullDiskIsOneMessageAndNothingHalfMade) {
  bool succeeded = false;
  int refused = 0;
  for (int files = 1; files < 40 && !succeeded; ++files) {
    for (const int kilobytes : {4, 8, 64}) {
      std::filesystem::create_directories(state);
      ForkedChild child([&] {
        if (!mount_tiny(state, kilobytes, files)) return kNoMount;
        std::string error;
        try {
          const Lease lease = take(plan);
          prepare(plan);
          return 0;
        } catch (const base::Error& caught) {
          error = caught.message() + " | " + caught.hint();
        }
        const bool clear = error.find("No space left on device") != std::string::npos &&
                           error.find(state) != std::string::npos &&
                           error.find("make room") != std::string::npos;
        if (!clear) {
          std::fprintf(stderr, "unclear: %s\n", error.c_str());
          return 2;
        }
        if (std::filesystem::exists(state + "/instances"))
          for (const auto& name : names_in(state + "/instances"))
            if (name != plan.instance.id) return 3;  // a half-made one stayed
        for (const auto& record : list(state))
          if (!record.problem.empty() || record.live) return 4;
        return 1;
      });
      const int status = child.wait();
      ASSERT_NE(status, kNoMount) << "needs root or user namespaces";
      ASSERT_TRUE(status == 0 || status == 1)
          << status << " with " << files << " files, " << kilobytes << " KiB";
      refused += status;
      succeeded = succeeded || status == 0;
    }
  }
  EXPECT_TRUE(succeeded);
  EXPECT_GT(refused, 5);
}

TEST_F(LayoutTest, AReadOnlyDiskIsOneMessage) {
  std::filesystem::create_directories(state);
  ForkedChild child([&] {
    if (!mount_tiny(state, 64, 64)) return kNoMount;
    if (::mount(nullptr, state.c_str(), nullptr, MS_REMOUNT | MS_RDONLY | MS_BIND, nullptr) < 0)
      return kNoMount;
    const std::string error = error_of([&] { take(plan); });
    return error.find("EROFS") != std::string::npos && error.find("CLAUDEBOX_HOME") != std::string::npos ? 0
                                                                                                         : 1;
  });
  EXPECT_EQ(child.wait(), 0);
}

/// Whether somebody lists the directory while `call` runs: inotify(7) reports that as an access.
bool is_listed(const std::string& directory, const std::function<void()>& call) {
  const sys::UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (::inotify_add_watch(watch.get(), directory.c_str(), IN_ACCESS | IN_ONLYDIR) < 0)
    throw base::Error("no watch");
  call();
  char events[4096];
  return ::read(watch.get(), events, sizeof events) > 0;
}

/// With ten thousand instances a start costs what it costs with one (PERF-3): it never asks which there are.
TEST_F(LayoutTest, AStartDoesNotLookAtOtherInstances) {
  const std::string instances = state + "/instances";
  {
    const Lease lease = take(plan);
  }
  EXPECT_FALSE(is_listed(instances, [&] {
    const Lease lease = take(plan);
    prepare(plan);
  }));
  EXPECT_TRUE(is_listed(instances, [&] { list(state); })) << "else this test proves nothing";
}

TEST_F(LayoutTest, FindsMountPoints) {
  EXPECT_TRUE(is_mount_point("/"));
  EXPECT_TRUE(is_mount_point("/proc"));
  EXPECT_FALSE(is_mount_point(temp.path()));
  EXPECT_FALSE(is_mount_point("/no/such/path"));
  EXPECT_EQ(mount_point_of("/proc/self"), "/proc");
}

TEST(Manifest, SurvivesTheRoundTrip) {
  const Manifest manifest{.id = "0123456789abcdef-x",
                          .canonical_root = "/home/d\xe9v/\xff",
                          .mount_point = "/home",
                          .uid = 4294967294U,
                          .created = 1'700'000'000};
  EXPECT_EQ(std::get<Manifest>(parse_manifest(format_manifest(manifest))), manifest);
}

TEST(Manifest, AHolderSurvivesTheRoundTrip) {
  const Holder holder{.pid = 12, .since = 34, .directory = "/a b\n\xff", .command = "make \"x\""};
  EXPECT_EQ(parse_holder(format_holder(holder)), holder);
  EXPECT_EQ(parse_holder("nonsense"), Holder{});
}

}  // namespace
}  // namespace claudebox::instance
