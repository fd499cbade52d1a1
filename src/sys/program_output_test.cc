#include "sys/program_output.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace claudebox::sys {
namespace {

using std::chrono::milliseconds;

TEST(ProgramOutput, BothStreams) {
  EXPECT_EQ(program_output({"/bin/sh", "-c", "echo out; echo err >&2; exit 3"}, milliseconds(10000)),
            "out\nerr\n");
}

TEST(ProgramOutput, StandardInputIsEmptyAndTheDirectoryIsTheRoot) {
  EXPECT_EQ(program_output({"/bin/sh", "-c", "cat; pwd"}, milliseconds(10000)), "/\n");
}

TEST(ProgramOutput, WhatCanNotBeStarted) {
  EXPECT_EQ(program_output({"/nonexistent/program"}, milliseconds(10000)), std::nullopt);
}

TEST(ProgramOutput, WhatTakesTooLongIsKilledWithItsChildren) {
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(program_output({"/bin/sh", "-c", "sleep 60 & sleep 60"}, milliseconds(100)), std::nullopt);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(20));
}

TEST(ProgramOutput, WhatNeverEndsToTalkIsCut) {
  const auto said =
      program_output({"/bin/sh", "-c", "while :; do echo 0123456789abcdef; done"}, milliseconds(20000));
  ASSERT_TRUE(said);
  EXPECT_GE(said->size(), 64U << 10);
  EXPECT_LT(said->size(), 128U << 10);
}

}  // namespace
}  // namespace claudebox::sys
