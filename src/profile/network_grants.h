// Tiers, hosts, private destinations and ports: what was spelled becomes what is meant. Whether the parts go together is
// for planning to say.
#pragma once

#include <optional>

#include "base/diagnostics.h"
#include "plan/request.h"
#include "profile/typed.h"

namespace claudebox::profile {

// Each gives one value, or nothing and a problem.

/// Also the older spellings.
std::optional<plan::Tier> parse_tier(const Typed& typed, base::Diagnostics& problems);

/// `NAME` or `*.NAME`.
std::optional<plan::AllowedHost> parse_allow(const Typed& typed, base::Diagnostics& problems);

/// `ADDR[/LEN][:PORT]`, for IPv6 `ADDR[/LEN]` or `[ADDR[/LEN]]:PORT`, or `NAME[:PORT]`.
std::optional<plan::LanDestination> parse_lan(const Typed& typed, base::Diagnostics& problems);

/// `[HOSTPORT:]PORT`; without HOSTPORT it is the same.
std::optional<plan::PublishedPort> parse_publish(const Typed& typed, base::Diagnostics& problems);

/// `PORT`.
std::optional<plan::ReachedPort> parse_reach(const Typed& typed, base::Diagnostics& problems);

}  // namespace claudebox::profile
