#include "sys/inotify_instance.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>

#include <cerrno>
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
TEST(Inotify, WhatIsGivenUpIsReleasedSoon) {
  Pipe pipe = make_pipe();
  ASSERT_EQ(::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK), 0);
  char byte = 0;
  ASSERT_LT(::read(pipe.read.get(), &byte, 1), 0);
  release_inotify(std::move(pipe.write));
  EXPECT_TRUE(ends_within(pipe.read.get(), std::chrono::seconds(10)));
  release_inotify({});  // none is none
}

/// More than a user may have at once, with no pause between them: each waits for the ones before where it has to.
TEST(Inotify, TheLimitIsNotReachedByThoseThatAreGivenUp) {
  for (int i = 0; i < 300; ++i) {
    UniqueFd inotify = make_inotify();
    ASSERT_TRUE(inotify) << i << ": errno " << errno;
    ASSERT_GE(::inotify_add_watch(inotify.get(), "/", IN_CREATE), 0);
    release_inotify(std::move(inotify));
  }
}

}  // namespace
}  // namespace claudebox::sys
