// The selftest's rows for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"
#include "render/audit.h"
#include "selftest/run.h"

namespace claudebox::selftest {

/// A table by promise, at any width, and a sentence that sums it up. Safe for a terminal.
std::string table(const std::vector<Row>& rows, const plan::Plan& plan, const render::Style& style);

/// Schema 1: {"schema", "network", "held", "broken", "untried", "attempts": [{"id", "promise", "attempt",
/// "outcome", "detail"}]}.
std::string json(const std::vector<Row>& rows, const plan::Plan& plan);

}  // namespace claudebox::selftest
