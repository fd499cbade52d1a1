#include "instance/lock.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <ctime>

#include "instance/manifest.h"
#include "instance_fixture.h"
#include "sys/fd.h"

namespace claudebox::instance {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::Field;
using testing::ForkedChild;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A child that takes the instance and keeps it until it is killed.
class Keeper {
 public:
  explicit Keeper(const plan::Plan& plan) : said_(sys::make_pipe()), child_([&] { return keep(plan); }) {
    said_.write.reset();
    char byte = 0;
    took_ = ::read(said_.read.get(), &byte, 1) == 1;
  }
  bool took() const { return took_; }
  pid_t pid() const { return child_.pid(); }
  void kill() { child_.kill(); }

 private:
  int keep(const plan::Plan& plan) {
    const Holder self{.pid = ::getpid(), .since = 1'700'000'000, .directory = "/where", .command = "claude"};
    const auto taken = acquire(plan, self);
    if (!std::holds_alternative<Lease>(taken)) return 1;
    sys::write_all(said_.write.get(), "x");
    while (true) ::pause();
  }

  sys::Pipe said_;
  ForkedChild child_;
  bool took_ = false;
};

class LockTest : public testing::InstanceTest {
 protected:
  plan::Plan shared() const {
    plan::Plan sharing = plan;
    sharing.instance.share = true;
    return sharing;
  }
  std::string holders_directory() const { return plan.instance.directory + "/holders"; }

  plan::Plan plan = plan_for("project");
};

TEST_F(LockTest, ASecondStartIsToldWhoHoldsIt) {
  const Lease lease = take(plan);
  const auto second = acquire(plan, self());
  ASSERT_TRUE(std::holds_alternative<Busy>(second));
  EXPECT_THAT(std::get<Busy>(second).holders, ElementsAre(self()));
}

TEST_F(LockTest, IsFreeAgainAfterTheLease) {
  {
    const Lease lease = take(plan);
  }
  EXPECT_THAT(names_in(holders_directory()), IsEmpty());
  EXPECT_FALSE(is_busy(plan));
}

TEST_F(LockTest, ALeaseMovedFromHoldsNothing) {
  Lease lease = take(plan);
  const Lease moved = std::move(lease);
  EXPECT_TRUE(is_busy(plan));
}

TEST_F(LockTest, DiesWithItsHolder) {
  for (int round = 0; round < 20; ++round) {
    Keeper keeper(plan);
    ASSERT_TRUE(keeper.took());
    ASSERT_TRUE(is_busy(plan));
    keeper.kill();
    EXPECT_THAT(names_in(holders_directory()), SizeIs(1)) << "the killed one left its record";
    const Lease lease = take(plan);
    EXPECT_THAT(names_in(holders_directory()), SizeIs(1)) << "which was dropped, and ours is there";
  }
}

/// A child of the killed one may be half a start behind it.
TEST_F(LockTest, WaitsForWhatIsLeftOfAHolderThatHasEnded) {
  sys::Pipe go = sys::make_pipe();
  const sys::Pipe said = sys::make_pipe();
  ForkedChild holder([&] {
    const auto taken = acquire(plan, {.pid = ::getpid()});
    const ForkedChild left([&] {
      char byte = 0;
      go.write.reset();
      sys::write_all(said.write.get(), "x");
      return ::read(go.read.get(), &byte, 1) == 0 ? 0 : 1;
    });
    while (true) ::pause();
    return 0;
  });
  char byte = 0;
  ASSERT_EQ(::read(said.read.get(), &byte, 1), 1);
  holder.kill();
  ForkedChild starter([&] {
    go.write.reset();
    return is_busy(plan) ? 1 : 0;
  });
  ::usleep(50'000);
  go.write.reset();
  EXPECT_EQ(starter.wait(), 0);
}

TEST_F(LockTest, OfTwoStartersAtOnceExactlyOneWins) {
  for (int round = 0; round < 200; ++round) {
    if (round % 2 == 0) std::filesystem::remove_all(state);  // the instance itself is made in the race, too
    sys::Pipe start = sys::make_pipe();
    sys::Pipe end = sys::make_pipe();
    const auto starter = [&]() -> int {
      start.write.reset();
      end.write.reset();
      char byte = 0;
      if (::read(start.read.get(), &byte, 1) != 0) return 3;  // end of file: go
      const auto taken = acquire(plan, self());
      const bool won = std::holds_alternative<Lease>(taken);
      if (won && ::read(end.read.get(), &byte, 1) != 0) return 3;  // keep it until both have tried
      return won ? 0 : 1;
    };
    ForkedChild one(starter);
    ForkedChild other(starter);
    start.write.reset();
    // The loser ends by itself; were there none, the alarm of the test would say so.
    int status = 0;
    const pid_t first = ::waitpid(-1, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 1) << "the first to end is the one that lost";
    end.write.reset();
    ForkedChild& winner = first == one.pid() ? other : one;
    EXPECT_EQ(winner.wait(), 0);
    ForkedChild& loser = first == one.pid() ? one : other;
    loser.kill();
  }
}

TEST_F(LockTest, ForceSharesAndTheInstanceStaysLiveUntilTheLastIsGone) {
  Keeper first(plan);
  Keeper second(shared());
  ASSERT_TRUE(first.took());
  ASSERT_TRUE(second.took());
  EXPECT_THAT(std::get<Busy>(acquire(plan, self())).holders, SizeIs(2));
  first.kill();
  const auto third = acquire(plan, self());
  ASSERT_TRUE(std::holds_alternative<Busy>(third)) << "the sharing one still lives";
  EXPECT_THAT(std::get<Busy>(third).holders, ElementsAre(Field(&Holder::pid, second.pid())));
  second.kill();
  EXPECT_FALSE(is_busy(plan));
}

TEST_F(LockTest, ForceAloneIsAnOrdinaryStart) {
  const Lease lease = take(shared());
  EXPECT_TRUE(is_busy(plan));
}

/// A pid says nothing: it may belong to somebody else by now.
TEST_F(LockTest, ARecordWithALivePidButNoLockIsStale) {
  {
    const Lease lease = take(plan);
  }
  std::ofstream(holders_directory() + "/1.abcdefgh") << format_holder({.pid = 1});
  EXPECT_FALSE(is_busy(plan));
  EXPECT_THAT(names_in(holders_directory()), IsEmpty());
}

TEST_F(LockTest, ALockedRecordThatCantBeReadStillCounts) {
  const Lease lease = take(plan);
  const std::string record = holders_directory() + "/" + names_in(holders_directory()).front();
  std::ofstream(record) << "garbage";
  EXPECT_TRUE(is_busy(plan));
}

TEST_F(LockTest, TheLastUseIsNoted) {
  {
    const Lease lease = take(plan);
  }
  const timespec old[2] = {{.tv_sec = 1'000'000'000, .tv_nsec = 0}, {.tv_sec = 1'000'000'000, .tv_nsec = 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (plan.instance.directory + "/lock").c_str(), old, 0), 0);
  EXPECT_EQ(list(state).at(0).last_used, 1'000'000'000);
  const std::int64_t before = ::time(nullptr);
  {
    const Lease lease = take(plan);
  }
  EXPECT_GE(list(state).at(0).last_used, before - 1);
}

/// A stopped claudebox holds the mutex: nobody hangs for ever.
TEST_F(LockTest, WaitsForTheMutexOnlySoLong) {
  {
    const Lease lease = take(plan);
  }
  const sys::UniqueFd held(::open((plan.instance.directory + "/lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
  EXPECT_THAT(error_of([&] { is_busy(plan); }), HasSubstr("does not get on with it"));
}

TEST_F(LockTest, ParallelInstancesDontHinderEachOther) {
  plan::Plan parallel = plan;
  parallel.instance.id += "-review";
  parallel.instance.directory += "-review";
  parallel.instance.home = parallel.instance.directory + "/home";
  const Lease lease = take(plan);
  const Lease beside = take(parallel);
  EXPECT_THAT(list(state), SizeIs(2));
}

TEST(DescribeHolder, SaysWhoSinceWhenAndWhere) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  EXPECT_EQ(
      describe({.pid = 4711, .since = 1'700'000'000, .directory = "/home/dev/app", .command = "claude"}),
      "pid 4711, since 2023-11-14 22:13, in /home/dev/app, running claude");
}

}  // namespace
}  // namespace claudebox::instance
