// Limits of a box, and what can hold it to them on this host.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/diagnostics.h"
#include "plan/plan.h"
#include "sys/host_view.h"

namespace claudebox::plan {

/// "memory", "cpu", "processes", "open-files".
const char* limit_name(LimitKind kind);
std::optional<LimitKind> limit_named(std::string_view name);

/// As a profile spells it: "8G", "150%", "500".
std::string limit_amount(LimitKind kind, std::uint64_t amount);

/// Where claudebox could make a cgroup v2 for a box; with `reason` where it can't.
CgroupPlace find_cgroup_place(const sys::HostView& host);

/// The kernel counts RLIMIT_NPROC by user namespace (Linux 5.14), and the user is not one whom it never stops (root).
bool counts_processes(const sys::HostView& host);

/// What holds each limit that was asked for. One that can't be had is no problem but said: a profile is used on several
/// machines.
void plan_limits(const Request& request, const sys::HostView& host, Plan& plan, base::Diagnostics& problems);

}  // namespace claudebox::plan
