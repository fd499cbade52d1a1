#include "sys/release_later.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>

#include <chrono>
#include <thread>

namespace claudebox::sys {
namespace {

bool ends_within(int descriptor, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  char byte = 0;
  do {
    if (::read(descriptor, &byte, 1) == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

/// A pipe's reader sees when the last writer is released, whoever had it.
TEST(ReleaseLater, TheDescriptorIsReleasedSoon) {
  Pipe pipe = make_pipe();
  ASSERT_EQ(::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK), 0);
  char byte = 0;
  ASSERT_LT(::read(pipe.read.get(), &byte, 1), 0);
  release_later(std::move(pipe.write));
  EXPECT_TRUE(ends_within(pipe.read.get(), std::chrono::seconds(10)));
}

TEST(ReleaseLater, AnEmptyOneIsNothing) {
  release_later({});
}

/// inotify's limit is 128 instances a user: one that is not released would show here. In measure, since others of the
/// same user want some meanwhile.
TEST(ReleaseLater, NothingOfThemPilesUp) {
  for (int i = 0; i < 150; ++i) {
    UniqueFd watcher(::inotify_init1(IN_CLOEXEC));
    ASSERT_TRUE(watcher) << i;
    ASSERT_GE(::inotify_add_watch(watcher.get(), "/", IN_CREATE), 0);
    release_later(std::move(watcher));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace
}  // namespace claudebox::sys
