// A plan becomes a running box.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "plan/plan.h"
#include "report/outcome.h"

namespace claudebox::runtime {

/// Runs the plan to its end in the foreground and returns how it ended. The instance must be leased and
/// prepared. Throws base::Error where the box can't be made; nothing ran then and nothing is left. `capture`
/// takes the standard output of the box instead of the terminal (for selftest); may be empty.
report::Outcome run(const plan::Plan& plan, const std::function<void(std::string_view)>& capture = {});

}  // namespace claudebox::runtime
