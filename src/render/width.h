// How many columns text takes on a terminal.
#pragma once

#include <cstddef>
#include <string_view>

namespace claudebox::render {

/// Length in bytes of the UTF-8 character at the start of `text`; 1 for a byte that starts none.
std::size_t character_length(std::string_view text);

/// Columns of one character: 0 for combining marks, 2 for East Asian wide ones and emoji, else 1.
std::size_t character_width(std::string_view character);

std::size_t text_width(std::string_view text);

}  // namespace claudebox::render
