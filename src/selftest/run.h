// The box, attacked from inside by a probe of our own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"

namespace claudebox::selftest {

enum class Result {
  held,     ///< it was tried and did not work
  broken,   ///< it worked: a promise does not hold
  untried,  ///< not tried, `detail` says why; nothing is promised about it
};

/// One attempt and what came of it.
struct Row {
  std::string id{};       ///< "files.secrets"
  std::string promise{};  ///< "BOX-1"
  std::string attempt{};  ///< what was tried, for people
  Result outcome = Result::untried;
  std::string detail{};  ///< what was seen; comes from inside the box, so escape it for a terminal

  bool operator==(const Row&) const = default;
};

/// Runs the probe in the box of `plan` (made for Action::selftest; the instance leased and prepared) and returns
/// one row for each claim, in their order. Throws base::Error where the box can't be made or the probe did not
/// come to its end.
std::vector<Row> run_selftest(plan::Plan plan);

/// Reads the probe's output. Pure. Throws base::Error where it is not complete: nothing may count as held because
/// it is missing.
std::vector<Row> read_report(std::string_view output, const plan::Plan& plan);

/// "held", "broken" or "untried".
const char* result_name(Result result);

/// 0, or 1 where something is broken.
int exit_status(const std::vector<Row>& rows);

}  // namespace claudebox::selftest
