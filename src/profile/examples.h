// Commented profiles to begin with, carried inside claudebox.
#pragma once

#include <span>
#include <string_view>

namespace claudebox::profile {

struct Example {
  std::string_view name;
  std::string_view text;
};

/// "plain" first.
std::span<const Example> examples();

}  // namespace claudebox::profile
