#include "runtime/stubs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <optional>
#include <thread>

#include "base/error.h"
#include "sys/fd.h"
#include "temp_dir.h"

namespace claudebox::runtime {
namespace {

using testing::TempDir;

std::vector<plan::Stub> stubs_in(const TempDir& directory) {
  return {
      {.kind = plan::Stub::Kind::file, .path = directory / "commondir", .content = "../.git\n", .origin = {}},
      {.kind = plan::Stub::Kind::directory, .path = directory / "hooks", .content = {}, .origin = {}}};
}

TEST(Stubs, AreThereWhileTheBoxLivesAndGoneAfter) {
  const TempDir git;
  {
    const Stubs stubs(stubs_in(git));
    EXPECT_EQ(git.read("commondir"), "../.git\n");
    EXPECT_TRUE(std::filesystem::is_directory(git / "hooks"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(git.path()));
}

TEST(Stubs, LeftByAKilledBoxAreTakenOver) {
  const TempDir git;
  git.write("commondir", "../.git\n");
  std::filesystem::create_directory(git / "hooks");
  {
    const Stubs stubs(stubs_in(git));
  }
  EXPECT_TRUE(std::filesystem::is_empty(git.path()));
}

/// The last box takes its lock and removes them while the next one starts.
TEST(Stubs, ThoseThatAreBeingTakenAwayAreMadeAnew) {
  const TempDir git;
  git.write("commondir", "../.git\n");
  const sys::UniqueFd directory(::open(git.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(::flock(directory.get(), LOCK_EX), 0);
  std::thread last([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::filesystem::remove(git / "commondir");
    ::flock(directory.get(), LOCK_UN);
  });
  const Stubs stubs(stubs_in(git));
  last.join();
  EXPECT_EQ(git.read("commondir"), "../.git\n");
}

/// The command of a box may hold the lock for ever.
TEST(Stubs, ALockThatIsKeptStopsNothing) {
  const TempDir git;
  const sys::UniqueFd directory(::open(git.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(::flock(directory.get(), LOCK_EX), 0);
  const Stubs stubs(stubs_in(git));
  EXPECT_EQ(git.read("commondir"), "../.git\n");
}

/// Git, or another box's plan, that looks at any moment.
TEST(Stubs, NobodySeesHalfOfOne) {
  const TempDir git;
  std::atomic<bool> over = false;
  std::atomic<int> halves = 0;
  std::thread reader([&] {
    while (!over) {
      char text[16];
      const sys::UniqueFd file(::open((git / "commondir").c_str(), O_RDONLY | O_CLOEXEC));
      if (file && ::read(file.get(), text, sizeof text) != 8) ++halves;
    }
  });
  for (int round = 0; round < 2000; ++round) const Stubs stubs(stubs_in(git));
  over = true;
  reader.join();
  EXPECT_EQ(halves, 0);
}

TEST(Stubs, ThoseThatAnotherBoxIsWritingAreWaitedFor) {
  const TempDir git;
  git.write("commondir", "");
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    git.write("commondir", "../.git\n");
  });
  EXPECT_NO_THROW(const Stubs stubs(stubs_in(git)));
  other.join();
}

TEST(Stubs, SomebodyElsesFileIsAnErrorAndStays) {
  const TempDir git;
  git.write("commondir", "/elsewhere\n");
  EXPECT_THROW(const Stubs stubs(stubs_in(git)), base::Error);
  EXPECT_EQ(git.read("commondir"), "/elsewhere\n");
}

/// A limit on the size of files fails the write just as a full disk does.
TEST(Stubs, WithoutRoomNoHalfOneIsLeft) {
  const TempDir git;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  EXPECT_THROW(const Stubs stubs(stubs_in(git)), base::Error);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  EXPECT_TRUE(std::filesystem::is_empty(git.path()));
}

TEST(Stubs, AFailureTakesTheEarlierOnesAway) {
  const TempDir git;
  auto stubs = stubs_in(git);
  std::swap(stubs[0], stubs[1]);
  git.write("commondir", "/elsewhere\n");
  EXPECT_THROW(const Stubs made(stubs), base::Error);
  EXPECT_FALSE(git.exists("hooks"));
}

TEST(Stubs, ALinkInTheWayIsNotFollowed) {
  const TempDir git;
  const TempDir elsewhere;
  std::filesystem::create_symlink(elsewhere / "target", git / "commondir");
  EXPECT_THROW(const Stubs stubs(stubs_in(git)), base::Error);
  EXPECT_TRUE(std::filesystem::is_empty(elsewhere.path()));
}

TEST(Stubs, ThatWereChangedStay) {
  const TempDir git;
  {
    const Stubs stubs(stubs_in(git));
    git.write("commondir", "changed\n");
    git.write("hooks/post-commit", "x");
  }
  EXPECT_EQ(git.read("commondir"), "changed\n");
  EXPECT_TRUE(git.exists("hooks/post-commit"));
}

// Removing a stub lifts the cover that another box has on it (the kernel detaches mounts on a removed name).
TEST(Stubs, TheLastBoxRemovesThem) {
  const TempDir git;
  std::optional<Stubs> first(std::in_place, stubs_in(git));
  std::optional<Stubs> second(std::in_place, stubs_in(git));
  first.reset();
  EXPECT_TRUE(git.exists("commondir"));
  EXPECT_TRUE(git.exists("hooks"));
  second.reset();
  EXPECT_TRUE(std::filesystem::is_empty(git.path()));
}

}  // namespace
}  // namespace claudebox::runtime
