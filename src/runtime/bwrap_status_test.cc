#include "runtime/bwrap_status.h"

#include <gtest/gtest.h>

namespace claudebox::runtime {
namespace {

TEST(BwrapStatus, ReadsDocumentsHoweverTheyArrive) {
  const std::string text = "{ \"child-pid\": 12, \"net-namespace\": 4026531840 }\n{ \"exit-code\": 7 }\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    BwrapStatus status;
    status.feed(std::string_view(text).substr(0, cut));
    status.feed(std::string_view(text).substr(cut));
    EXPECT_TRUE(status.started());
    EXPECT_EQ(status.exit_code(), 7);
  }
}

TEST(BwrapStatus, WithoutAnExitCodeTheCommandDidNotEnd) {
  BwrapStatus status;
  status.feed("{ \"child-pid\": 12 }\n");
  EXPECT_TRUE(status.started());
  EXPECT_FALSE(status.exit_code().has_value());
}

TEST(BwrapStatus, IgnoresWhatItDoesNotKnow) {
  for (const std::string line : {"", "{", "[1]", "null", "{\"exit-code\": \"0\"}", "{\"exit-code\": 256}",
                                 "{\"exit-code\": -1}", "{\"exit-code\": 1e300}", "\xff\xfe"}) {
    BwrapStatus status;
    status.feed(line + "\n");
    EXPECT_FALSE(status.exit_code().has_value()) << line;
  }
}

TEST(BwrapStatus, KeepsNoEndlessLine) {
  BwrapStatus status;
  for (int i = 0; i < 100; ++i) status.feed(std::string(4096, 'x'));
  status.feed("\n{ \"exit-code\": 3 }\n");
  EXPECT_EQ(status.exit_code(), 3);
}

}  // namespace
}  // namespace claudebox::runtime
