// Text for people and shells. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace claudebox::base {

/// Quotes for a POSIX shell; words of safe characters stay as they are.
std::string shell_quote(std::string_view word);

/// The candidate nearest to `word` by edit distance, where it is near enough to be a misspelling.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

/// Makes any bytes harmless on a terminal: control characters, escape sequences, invalid UTF-8 and
/// bidirectional overrides become \xNN or \u{NNNN}.
std::string escape_for_terminal(std::string_view bytes);

/// "1.2 GiB", "340 KiB", "12 B".
std::string human_size(std::uint64_t bytes);

/// Breaks at spaces so that no line is longer than `width` columns where that can be had.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

/// "~/x" for a path below `home`, else the path.
std::string with_tilde(std::string_view path, std::string_view home);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string_view trim(std::string_view text);

}  // namespace claudebox::base
