// TOML, written.
#pragma once

#include <string>
#include <string_view>

#include "profile/load.h"

namespace claudebox::profile {

/// In double quotes; control characters and what could deceive a reader on a terminal as \uXXXX.
std::string toml_string(std::string_view text);

/// The merged settings as one TOML file; a comment behind each value says which file and line it comes from.
std::string show(const Settings& settings);

/// A JSON Schema of profiles, for editors.
std::string json_schema();

}  // namespace claudebox::profile
