// What was typed becomes what is meant.
#pragma once

#include <optional>
#include <string>

#include "base/diagnostics.h"
#include "cli/app.h"
#include "plan/request.h"
#include "sys/host_view.h"

namespace claudebox::cli {

/// Flags, then the environment, then defaults. What is wrong goes to `problems`, all of it; the request is only
/// good where they stay empty.
plan::Request make_request(const LowArgs& low, const sys::HostView& host, base::Diagnostics& problems);

/// --yes or CLAUDEBOX_YES=1.
bool says_yes(const LowArgs& low, const sys::HostView& host);

/// `SRC[:DST][:ro|rw]`. A colon of a path is written `\:`, a backslash `\\`; any other backslash stands for
/// itself. Empty with a problem where it is none of that.
std::optional<plan::MountRequest> parse_mount(const std::string& typed, base::Diagnostics& problems);

/// `broker`, `store`, `store:NAME`, `env` or `none`, into the request.
void request_login(const std::string& typed, plan::Request& request, base::Diagnostics& problems);

/// `NAME[=VALUE]`.
std::optional<plan::EnvRequest> parse_env(const std::string& typed, base::Diagnostics& problems);

}  // namespace claudebox::cli
