// Mounts, variables, the agent and its login: what was spelled becomes what is meant. Whether it can be had is for planning to say.
#pragma once

#include <optional>
#include <string_view>

#include "base/diagnostics.h"
#include "plan/request.h"
#include "profile/typed.h"

namespace claudebox::profile {

/// `SRC[:DST][:ro|rw]`. A colon of a path is written `\:`, a backslash `\\`; any other backslash stands for
/// itself. Empty with a problem where it is none of that.
std::optional<plan::MountRequest> parse_mount(const Typed& typed, base::Diagnostics& problems);

/// `NAME[=VALUE]`.
std::optional<plan::EnvRequest> parse_env(const Typed& typed, base::Diagnostics& problems);

/// Whether it can be the name of a variable.
bool is_variable_name(std::string_view name);

/// The name of an agent, into the request.
void request_agent(const Typed& typed, plan::Request& request, base::Diagnostics& problems);

/// `broker`, `store`, `store:NAME`, `env` or `none`, into the request.
void request_login(const Typed& typed, plan::Request& request, base::Diagnostics& problems);

}  // namespace claudebox::profile
