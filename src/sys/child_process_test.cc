#include "sys/child_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace claudebox::sys {
namespace {

enum Answer : char { kAlive = 'a', kDead = 'd' };

void answer(int pipe, const UniqueFd& lock) {
  const char said = tie_to_parent(lock.get()) ? kAlive : kDead;
  [[maybe_unused]] const auto ignored = ::write(pipe, &said, 1);
}

TEST(TieToParent, IsTrueWhileTheParentLives) {
  const Pipe pipe = make_pipe();
  const UniqueFd lock = make_life_lock();
  const pid_t child = ::fork();
  if (child == 0) {
    answer(pipe.write.get(), lock);
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  char said = 0;
  ASSERT_EQ(::read(pipe.read.get(), &said, 1), 1);
  EXPECT_EQ(said, kAlive);
}

/// Nobody else's copies of the parent's descriptors count: here a sibling has all of them.
TEST(TieToParent, IsFalseWhereTheParentIsGoneWhoeverElseLives) {
  Pipe pipe = make_pipe();
  Pipe sibling_may_end = make_pipe();
  const pid_t parent = ::fork();
  if (parent == 0) {
    const pid_t self = ::getpid();
    const UniqueFd lock = make_life_lock();
    sibling_may_end.write.reset();
    if (::fork() == 0) {
      char byte = 0;
      [[maybe_unused]] const auto ignored = ::read(sibling_may_end.read.get(), &byte, 1);
      ::_exit(0);
    }
    if (::fork() == 0) {
      for (int i = 0; i < 2000 && ::getppid() == self; ++i) ::usleep(5000);
      answer(pipe.write.get(), lock);
      ::_exit(0);
    }
    ::kill(self, SIGKILL);
  }
  ::waitpid(parent, nullptr, 0);
  char said = 0;
  ASSERT_EQ(::read(pipe.read.get(), &said, 1), 1);
  EXPECT_EQ(said, kDead);
}

}  // namespace
}  // namespace claudebox::sys
