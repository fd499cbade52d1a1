// What a grant would give away, and why that matters (AUD-2). Decided on the plan alone: whether a secret
// really lies in a mounted directory is not looked up, so a directory counts as holding every secret that has
// its place in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"

namespace claudebox::render {

/// The reasons to think twice about a mount; empty for the ordinary ones. Mounts that are the box's own (its
/// home, its system) have none.
std::vector<std::string> mount_dangers(const plan::Plan& plan, const plan::Mount& mount);

/// Why a variable is sensitive: by its name, by the shape of its value, or by what it opens. Empty where it
/// is not.
std::string variable_danger(const plan::EnvVar& variable);

/// Why an opened private destination is sensitive. It always is.
std::string lan_danger(const plan::LanDestination& lan);

/// What the socket of the Nix daemon gives away, in every tier.
std::vector<std::string> nix_daemon_dangers();

/// What the usual service of a port on the host's loopback gives away; empty for an ordinary port.
std::string reach_danger(const plan::ReachedPort& reached);

/// Whether the value must never be shown.
bool is_secret(const plan::EnvVar& variable);

/// The values that must not appear anywhere in what is printed about `plan`.
std::vector<std::string> secrets_of(const plan::Plan& plan);

}  // namespace claudebox::render
