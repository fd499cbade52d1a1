#include "selftest/run.h"

#include <gmock/gmock.h>

#include <functional>

#include "base/error.h"
#include "selftest/claims.h"

namespace claudebox::selftest {
namespace {

using ::testing::HasSubstr;

plan::Plan offline() {
  plan::Plan plan;
  plan.network.value = plan::Tier::offline;
  return plan;
}

/// A complete report in which everything held, after `change` has seen each line (without its newline).
std::string report(const std::function<void(std::string&)>& change = [](std::string&) {}) {
  std::string text;
  std::size_t answers = 0;
  for (const auto& claim : claims()) {
    if (is_tried_outside(claim)) continue;
    ++answers;
    std::string line = std::string(claim.id) + "\theld\t0 of 3";
    change(line);
    text += line + "\n";
  }
  return text + "end\t" + std::to_string(answers) + "\t\n";
}

std::string error_of(const std::string& output) {
  try {
    read_report(output, offline());
  } catch (const base::Error& error) {
    return error.message();
  }
  return {};
}

TEST(ReadReport, GivesARowForEachClaim) {
  const auto rows = read_report(report(), offline());
  ASSERT_EQ(rows.size(), claims().size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].id, claims()[i].id);
    const bool answered = !is_tried_outside(claims()[i]) && not_promised(claims()[i], offline()).empty();
    EXPECT_EQ(rows[i].outcome, answered ? Result::held : Result::untried) << rows[i].id;
    EXPECT_EQ(rows[i].detail == "0 of 3", answered) << rows[i].id;
  }
  EXPECT_EQ(exit_status(rows), 0);
}

TEST(ReadReport, SeesWhatIsBroken) {
  const auto rows = read_report(report([](std::string& line) {
                                  if (line.starts_with("files.home\t")) line = "files.home\tbroken\tthere";
                                }),
                                offline());
  EXPECT_EQ(exit_status(rows), 1);
}

TEST(ReadReport, ShowsWhatIsNotPromisedAsUntried) {
  plan::Plan full;
  full.network.value = plan::Tier::full;
  for (const auto& row : read_report(report(), full))
    if (row.id == "network.loopback") {
      EXPECT_EQ(row.outcome, Result::untried);
    }
}

// Whatever is missing from a report may be what would have been broken.
TEST(ReadReport, RefusesWhatIsNotComplete) {
  const std::string whole = report();
  for (std::size_t length = 0; length + 2 < whole.size(); ++length)
    ASSERT_THAT(error_of(whole.substr(0, length)), HasSubstr("did not come to its end")) << length;
  EXPECT_THAT(error_of("end\t0\t\n"), HasSubstr("no answer for"));
}

TEST(ReadReport, RefusesLinesThatTheProbeDoesNotWrite) {
  EXPECT_NE(error_of("hello\n" + report()), "");
  EXPECT_NE(error_of(report() + "files.home\theld\tmore\n"), "");
  EXPECT_NE(error_of("files.home\theld\ttwice\n" + report()), "");
  EXPECT_NE(error_of(report([](std::string& line) {
              if (line.starts_with("files.home\t")) line = "files.home\tperhaps\t";
            })),
            "");
}

}  // namespace
}  // namespace claudebox::selftest
