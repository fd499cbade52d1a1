// The protections of BOX-10 that a profile may lift, one by one.
#pragma once

#include <span>
#include <string_view>

#include "plan/plan.h"

namespace claudebox::plan {

struct LiftableProtection {
  std::string_view name;         ///< "git-hooks": the key in [protect]
  std::string_view consequence;  ///< of lifting it
};
std::span<const LiftableProtection> liftable_protections();

bool is_lifted(const Plan& plan, std::string_view name);

/// Says in the plan's notes what each lifted protection means.
void note_lifted(Plan& plan);

}  // namespace claudebox::plan
