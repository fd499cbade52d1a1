#include "selftest/table.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "render/width.h"

namespace claudebox::selftest {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<Row> rows() {
  return {{"files.secrets", "BOX-1", "find your keys and logins", Result::held,
           "0 of 12 places with keys and logins are there"},
          {"files.home", "BOX-1", "find anything else of your home", Result::broken,
           "1 of 3 other entries of your home are there, such as /home/dev/\x1b[2Jnotes"},
          {"network.loopback", "NET-4", "connect to a listener on the host's loopback", Result::untried,
           "not promised: the tier full is the host's network"}};
}

std::string table_at(std::size_t width, bool color = false) {
  return table(rows(), plan::Plan{}, {.color = color, .width = width});
}

TEST(SelftestTable, FitsItsWidth) {
  for (const std::size_t width : std::initializer_list<std::size_t>{40, 80, 200})
    for (const auto& line : base::split(table_at(width), '\n'))
      EXPECT_LE(render::text_width(line), width) << line;
}

TEST(SelftestTable, SaysWhatHeldWhatNotAndWhatWasNotTried) {
  const std::string text = table_at(80);
  EXPECT_THAT(text, HasSubstr("BOX-1     Your files, sockets and processes are not in the box"));
  EXPECT_THAT(text, HasSubstr("held"));
  EXPECT_THAT(text, HasSubstr("1 attempt got through: this box does not keep what it promises."));
  EXPECT_THAT(text, HasSubstr("1 attempt did not get through, 1 not tried."));
}

TEST(SelftestTable, PutsForwardNoPromiseOfWhichNothingWasTried) {
  EXPECT_THAT(table_at(80), HasSubstr("No network but the box's own loopback (not in this box)"));
  EXPECT_THAT(table_at(80), Not(HasSubstr("not in the box (not in this box)")));
}

// The detail comes from inside the box.
TEST(SelftestTable, LetsNothingActOnTheTerminal) {
  EXPECT_THAT(table_at(80), Not(HasSubstr("\x1b")));
  EXPECT_THAT(table_at(80, true), AllOf(HasSubstr("\x1b[1;31m"), Not(HasSubstr("\x1b[2J"))));
}

TEST(SelftestJson, HoldsEveryRowAndTheSums) {
  const auto document = nlohmann::json::parse(json(rows(), plan::Plan{}));
  EXPECT_EQ(document["schema"], 1);
  EXPECT_EQ(document["held"], 1);
  EXPECT_EQ(document["broken"], 1);
  EXPECT_EQ(document["untried"], 1);
  ASSERT_EQ(document["attempts"].size(), 3U);
  EXPECT_EQ(document["attempts"][1]["outcome"], "broken");
  EXPECT_EQ(document["attempts"][0]["promise"], "BOX-1");
}

TEST(SelftestJson, IsValidWhateverAPathHolds) {
  auto odd = rows();
  odd[0].detail = "such as /home/\xff\xfe";
  EXPECT_TRUE(nlohmann::json::accept(json(odd, plan::Plan{})));
}

}  // namespace
}  // namespace claudebox::selftest
