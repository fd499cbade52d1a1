// Profiles of the older claudebox, which were bash files, become TOML. Nothing is run: assignments and arrays are read,
// and everything else is refused with its line.
#pragma once

#include <optional>
#include <string>

#include "base/diagnostics.h"
#include "profile/schema.h"
#include "profile/source.h"

namespace claudebox::profile {

/// The same profile as TOML. Empty with problems, all of them, where something can't be read exactly.
std::optional<std::string> import_shell_profile(const Source& source, const Place& place,
                                                base::Diagnostics& problems);

}  // namespace claudebox::profile
