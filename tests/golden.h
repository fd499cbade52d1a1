// Golden files: what a program printed once and a person approved. CLAUDEBOX_TEST_ACCEPT=1 writes them anew.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace claudebox::testing {

/// Compares `actual` with tests/golden/NAME, a path relative to there.
inline void expect_golden(const std::string& name, const std::string& actual) {
  // The variable is for a copy of the tests that another user can read.
  const char* source = std::getenv("CLAUDEBOX_SOURCE_DIR");
  const auto path = std::filesystem::path(source ? source : CLAUDEBOX_SOURCE_DIR) / "tests/golden" / name;
  const char* accept = std::getenv("CLAUDEBOX_TEST_ACCEPT");
  if (accept && std::string(accept) == "1") {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << actual;
  }
  std::ifstream file(path, std::ios::binary);
  ASSERT_TRUE(file) << path << " is missing; CLAUDEBOX_TEST_ACCEPT=1 writes it";
  std::stringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(expected.str(), actual) << "differs from " << path
                                    << "; if the new text is right, CLAUDEBOX_TEST_ACCEPT=1 "
                                    << "takes it over";
}

}  // namespace claudebox::testing
