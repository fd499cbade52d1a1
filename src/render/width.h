// How many columns text takes on a terminal.
#pragma once

#include <cstddef>
#include <string_view>

namespace claudebox::render {

/// 0 for combining marks, 2 for East Asian wide ones and emoji, else 1.
std::size_t character_width(char32_t code);

std::size_t text_width(std::string_view text);

}  // namespace claudebox::render
