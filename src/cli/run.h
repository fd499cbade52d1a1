// From argv to exit status.
#pragma once

#include <span>

namespace claudebox::cli {

/// Runs claudebox with its arguments (without the program's name). The one place where an Error becomes a
/// message and an exit status.
int run(std::span<char* const> arguments) noexcept;

}  // namespace claudebox::cli
