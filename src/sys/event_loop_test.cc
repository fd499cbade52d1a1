#include "sys/event_loop.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>

#include <fstream>
#include <sstream>

#include "sys/clock.h"

namespace claudebox::sys {
namespace {

TEST(EventLoop, CallsBackAndStops) {
  EventLoop loop;
  Pipe pipe = make_pipe();
  std::string got;
  loop.add(pipe.read.get(), EPOLLIN, [&](std::uint32_t) {
    char c = 0;
    ASSERT_EQ(::read(pipe.read.get(), &c, 1), 1);
    got += c;
    if (got.size() == 3) loop.stop();
  });
  write_all(pipe.write.get(), "abc");
  loop.run();
  EXPECT_EQ(got, "abc");
}

TEST(EventLoop, ACallbackMayRemoveItselfAndOthers) {
  EventLoop loop;
  Pipe one = make_pipe();
  Pipe two = make_pipe();
  int calls = 0;
  const auto callback = [&](std::uint32_t) {
    ++calls;
    loop.remove(one.read.get());
    loop.remove(two.read.get());
    loop.stop();
  };
  loop.add(one.read.get(), EPOLLIN, callback);
  loop.add(two.read.get(), EPOLLIN, callback);
  write_all(one.write.get(), "x");
  write_all(two.write.get(), "x");
  loop.run();
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, AnEventForAClosedDescriptorDoesNotReachTheNextOneOfThatNumber) {
  EventLoop loop;
  Pipe one = make_pipe();
  Pipe two = make_pipe();
  Pipe quiet = make_pipe();
  int calls = 0;
  int wrong = 0;
  const auto replace = [&](Pipe& other) {
    ++calls;
    const int number = other.read.get();
    loop.remove(number);
    ::dup2(quiet.read.get(), number);
    loop.add(number, EPOLLIN, [&](std::uint32_t) { ++wrong; });
  };
  loop.add(one.read.get(), EPOLLIN, [&](std::uint32_t) {
    if (calls == 0) replace(two);
  });
  loop.add(two.read.get(), EPOLLIN, [&](std::uint32_t) {
    if (calls == 0) replace(one);
  });
  const UniqueFd timer = make_timer();
  loop.add(timer.get(), EPOLLIN, [&](std::uint32_t) { loop.stop(); });
  write_all(one.write.get(), "x");
  write_all(two.write.get(), "x");
  arm_timer(timer.get(), std::chrono::milliseconds(5));
  loop.run();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(wrong, 0);
}

TEST(EventLoop, WaitsForWhatItWasToldLast) {
  EventLoop loop;
  Pipe pipe = make_pipe();
  const UniqueFd timer = make_timer();
  int calls = 0;
  loop.add(pipe.read.get(), EPOLLIN, [&](std::uint32_t) {
    ++calls;
    loop.modify(pipe.read.get(), 0);
  });
  loop.add(timer.get(), EPOLLIN, [&](std::uint32_t) { loop.stop(); });
  write_all(pipe.write.get(), "x");
  arm_timer(timer.get(), std::chrono::milliseconds(5));
  loop.run();
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, TimersFireOnce) {
  EventLoop loop;
  const UniqueFd timer = make_timer();
  int calls = 0;
  loop.add(timer.get(), EPOLLIN, [&](std::uint32_t) {
    ++calls;
    loop.stop();
  });
  arm_timer(timer.get(), std::chrono::milliseconds(1500));
  arm_timer(timer.get(), std::chrono::milliseconds(1));
  loop.run();
  EXPECT_EQ(calls, 1);
}

/// Whether the timer is ready within `milliseconds`.
bool fires(const UniqueFd& timer, int milliseconds) {
  pollfd ready{.fd = timer.get(), .events = POLLIN, .revents = 0};
  return ::poll(&ready, 1, milliseconds) == 1;
}

TEST(WallTimer, FiresAtItsTimeAndOnce) {
  const UniqueFd timer = make_wall_timer();
  arm_wall_timer(timer.get(), wall_clock() + 300);
  EXPECT_FALSE(fires(timer, 0));
  EXPECT_TRUE(fires(timer, 10'000));
  clear_timer(timer.get());
  EXPECT_FALSE(fires(timer, 0));
}

/// As when the machine wakes up: what was due while it slept.
TEST(WallTimer, ATimeThatHasPassedIsNow) {
  const UniqueFd timer = make_wall_timer();
  arm_wall_timer(timer.get(), wall_clock() - 3'600'000);
  EXPECT_TRUE(fires(timer, 10'000));
  arm_wall_timer(timer.get(), 0);
  EXPECT_FALSE(fires(timer, 0)) << "0 disarms it";
}

/// The monotonic clock stands still while the machine sleeps. fdinfo says which clock a timer has (proc(5)).
TEST(WallTimer, IsOnTheWallClockAndToldWhenThatIsSet) {
  const UniqueFd timer = make_wall_timer();
  arm_wall_timer(timer.get(), wall_clock() + 3'600'000);
  std::ostringstream info;
  info << std::ifstream("/proc/self/fdinfo/" + std::to_string(timer.get())).rdbuf();
  EXPECT_NE(info.str().find("clockid: 0\n"), std::string::npos) << info.str();
  EXPECT_NE(info.str().find("settime flags: 03\n"), std::string::npos) << info.str();
}

}  // namespace
}  // namespace claudebox::sys
