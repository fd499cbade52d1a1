#include "cli/ask.h"

#include <gtest/gtest.h>

namespace claudebox::cli {
namespace {

TEST(Ask, Replies) {
  for (const std::string yes : {"", "y", "Y", "yes", "YES", " y ", "y\r"})
    EXPECT_EQ(understand(yes), Reply::yes) << yes;
  for (const std::string no : {"n", "N", "no", "No "}) EXPECT_EQ(understand(no), Reply::no) << no;
  for (const std::string other : {"x", "yn", "nope", "yes please", "\x1b[A", "q"})
    EXPECT_EQ(understand(other), Reply::unclear) << other;
}

}  // namespace
}  // namespace claudebox::cli
