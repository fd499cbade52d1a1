// Packages and dev shells: what was spelled becomes what is meant. Whether Nix knows it shows when it is resolved.
#pragma once

#include <optional>

#include "base/diagnostics.h"
#include "plan/request.h"
#include "profile/typed.h"

namespace claudebox::profile {

/// `NAME` (of nixpkgs), `FLAKE#ATTRIBUTE`, or a local flake: `./DIR[#ATTRIBUTE]`, also with `/` or `~/` in front. Empty with
/// a problem where it is none of that. No shell and no option of nix's ever sees the text.
std::optional<plan::PackageRequest> parse_package(const Typed& typed, base::Diagnostics& problems);

/// `.` (the project's own flake), `FLAKE[#ATTRIBUTE]` or a local flake.
std::optional<plan::PackageRequest> parse_devshell(const Typed& typed, base::Diagnostics& problems);

}  // namespace claudebox::profile
