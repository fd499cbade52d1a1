// From argv to exit status.
#pragma once

#include <string>
#include <vector>

namespace claudebox::cli {

/// Runs claudebox with its arguments (without the program's name). The one place where an Error becomes a
/// message and an exit status.
int run(const std::vector<std::string>& arguments);

}  // namespace claudebox::cli
