// --network, --allow, --lan, --publish and --reach: what was typed becomes what is meant. Whether the parts go together
// is for planning to say.
#pragma once

#include <optional>
#include <string>

#include "base/diagnostics.h"
#include "cli/app.h"
#include "plan/request.h"
#include "sys/host_view.h"

namespace claudebox::cli {

/// The tier (the flag, then CLAUDEBOX_NETWORK, then internet; offline for the self-test) and what is opened in it.
/// What is wrong goes to `problems`, all of it.
void request_network(const LowArgs& low, const sys::HostView& host, plan::Request& request,
                     base::Diagnostics& problems);

// Each gives one value, or nothing and a problem.

/// `NAME` or `*.NAME`.
std::optional<plan::AllowedHost> parse_allow(const std::string& typed, base::Diagnostics& problems);

/// `ADDR[/LEN][:PORT]`, for IPv6 `ADDR[/LEN]` or `[ADDR[/LEN]]:PORT`, or `NAME[:PORT]`.
std::optional<plan::LanDestination> parse_lan(const std::string& typed, base::Diagnostics& problems);

/// `[HOSTPORT:]PORT`; without HOSTPORT it is the same.
std::optional<plan::PublishedPort> parse_publish(const std::string& typed, base::Diagnostics& problems);

/// `PORT`.
std::optional<plan::ReachedPort> parse_reach(const std::string& typed, base::Diagnostics& problems);

}  // namespace claudebox::cli
