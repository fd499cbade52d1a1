// TOML, written.
#pragma once

#include <string>

#include "profile/load.h"

namespace claudebox::profile {

/// The merged settings as one TOML file; a comment behind each value says which file and line it comes from.
std::string show(const Settings& settings);

/// A JSON Schema of profiles, for editors.
std::string json_schema();

}  // namespace claudebox::profile
