// Packages between the plan and the start.
#pragma once

#include <variant>

#include "cli/command.h"
#include "packages/resolve.h"
#include "plan/request.h"

namespace claudebox::cli {

/// Has Nix resolve what the plan's packages lack, and makes the plan again with what they came to. Shows how it goes. An
/// exit status where nothing may start: Ctrl-C, or Nix could not. Throws base::Error with Nix's words.
std::variant<plan::Plan, int> with_packages(const Context& context, plan::Plan plan);

/// Resolves the plan's packages, with `anew` also those that are there, and shows how it goes. Gives 0, or the signal
/// that stopped it. Throws.
int resolve_packages(const Context& context, const plan::Plan& plan, bool anew);

/// What the user has approved of the request's local flakes, into the request.
void add_approved_flakes(plan::Request& request, const sys::HostView& host, base::Diagnostics& problems);

}  // namespace claudebox::cli
