#include "sys/memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

namespace claudebox::sys {
namespace {

/// Resident pages that a file stands behind, statm(5).
long file_pages() {
  long size = 0, resident = 0, shared = 0;
  std::ifstream("/proc/self/statm") >> size >> resident >> shared;
  return shared;
}

const std::string kText = "in the read-only part of the program";

TEST(Memory, GivesBackWhatAFileStandsBehindAndLosesNothing) {
  std::vector<std::string> heap(1000, "a string that is long enough for the heap");
  file_pages();
  const long before = file_pages();
  give_back_memory();
  EXPECT_LT(file_pages(), before * 3 / 4);
  EXPECT_EQ(kText, "in the read-only part of the program");
  for (const auto& text : heap) ASSERT_EQ(text, "a string that is long enough for the heap");
}

}  // namespace
}  // namespace claudebox::sys
