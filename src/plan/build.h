// Request and host facts to a plan.
#pragma once

#include <optional>

#include "base/diagnostics.h"
#include "plan/plan.h"
#include "plan/request.h"
#include "sys/host_view.h"

namespace claudebox::plan {

/// Decides everything about a run. Empty where something is wrong; `problems` then says all of it.
/// Reads the host through `host` only, and changes nothing.
std::optional<Plan> build(const Request& request, const sys::HostView& host, base::Diagnostics& problems);

/// The id of the instance that `build` would give the request, without planning the rest. Empty where the
/// project can't be one; `problems` then says why.
std::optional<std::string> instance_id(const Request& request, const sys::HostView& host,
                                       base::Diagnostics& problems);

/// The directory that the box of the request could write; empty where there is none, which `build` then explains.
std::optional<std::string> project_root(const Request& request, const sys::HostView& host);

/// ~/.claudebox, or CLAUDEBOX_HOME; canonical as far as it exists.
std::string state_root(const sys::HostView& host);

}  // namespace claudebox::plan
