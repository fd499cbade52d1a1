// Characters of UTF-8.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace claudebox::base {

struct Character {
  std::optional<char32_t> code;  ///< nothing for a byte that starts no character (RFC 3629)
  std::size_t length = 1;        ///< bytes
};

/// What stands at `at`, which is inside `text`.
Character character_at(std::string_view text, std::size_t at);

/// Control characters, and those that turn, hide or swallow what stands beside them on a terminal.
bool is_deceptive(char32_t code);

bool is_utf8(std::string_view text);

}  // namespace claudebox::base
