// Plans and other results as JSON for programs: one record at top level, with a `schema` number; it only
// gains fields.
#pragma once

#include <string>

#include "plan/plan.h"

namespace claudebox::render {

/// Schema 1, documented in docs/json.md. Secret-looking values are masked.
std::string plan_json(const plan::Plan& plan);

}  // namespace claudebox::render
