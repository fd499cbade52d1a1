// A text as TOML spells it.
#pragma once

#include <string>
#include <string_view>

namespace claudebox::base {

/// In double quotes; control characters and what could deceive a reader on a terminal as \uXXXX.
std::string toml_string(std::string_view text);

}  // namespace claudebox::base
