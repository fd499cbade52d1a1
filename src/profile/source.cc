#include "profile/source.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/utf8.h"

namespace claudebox::profile {
namespace {

/// What is shown of a long line, around the place that is meant.
constexpr std::size_t kBefore = 60;
constexpr std::size_t kWidth = 100;

std::string_view line_of(std::string_view text, int number) {
  for (int line = 1; line < number; ++line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find_first_of("\r\n"));
}

/// Characters as they stand in columns: a caret below them must not be moved by tabs or escapes. What is no UTF-8 or
/// no text becomes a question mark.
std::vector<std::string> characters(std::string_view line) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < line.size();) {
    const auto [code, length] = base::character_at(line, at);
    if (code == U'\t') {
      out.emplace_back(" ");
    } else if (!code || *code < 0x20 || *code == 0x7f) {
      out.emplace_back("?");
    } else {
      out.emplace_back(line.substr(at, length));
    }
    at += length;
  }
  return out;
}

/// Secrets that somebody put into the file against the rule don't go on into a terminal's scrollback or a log.
std::string shown(const std::vector<std::string>& all, std::size_t from, std::size_t to) {
  std::string out;
  for (std::size_t i = from; i < to; ++i) out += all[i];
  return base::hide_secrets(out);
}

}  // namespace

base::Origin Source::origin(Position at) const {
  return {base::Origin::Kind::profile, name + ":" + std::to_string(at.line), "asked for"};
}

base::Diagnostic problem_at(const Source& source, Position at, const std::string& message, std::string hint) {
  base::Diagnostic problem{.message = source.name + ":" + std::to_string(at.line) + ":" +
                                      std::to_string(at.column) + ": " + message,
                           .hint = std::move(hint)};
  const auto line = characters(line_of(source.text, at.line));
  if (line.empty()) return problem;
  const std::size_t column = std::min(static_cast<std::size_t>(std::max(at.column, 1)) - 1, line.size());
  const std::size_t from = column > kBefore ? column - kBefore : 0;
  const std::string number = std::to_string(at.line);
  problem.excerpt = "  " + number + " | " + shown(line, from, std::min(line.size(), from + kWidth)) + "\n  " +
                    std::string(number.size(), ' ') + " | " + std::string(column - from, ' ') + "^";
  return problem;
}

}  // namespace claudebox::profile
