// A page of text for a terminal: wrapped to its width, coloured, and harmless whatever was put on it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "render/audit.h"

namespace claudebox::render {

/// What a piece of text is; the page decides how that looks.
enum class Role { plain, strong, dim, good, warning, danger, generated, host, extra };

struct Span {
  std::string text{};
  Role role = Role::plain;
};
using Line = std::vector<Span>;

/// One character on the page.
struct Cell {
  std::string_view text;
  std::size_t width;
  Role role;
  bool is_space() const { return text == " "; }
  bool separates() const { return text == ":" || text == "," || text == ";"; }
  bool breaks_after() const { return text == "/" || text == "=" || text == "-"; }
};

/// The one way for text to reach the audit. Every span loses the secrets it was told of, is escaped for the
/// terminal and, where the terminal has no UTF-8, spelled in ASCII: no caller can forget to.
class Page {
 public:
  /// `secrets` are replaced wherever they stand.
  Page(const Style& style, std::vector<std::string> secrets) : style_(style), secrets_(std::move(secrets)) {}

  const Style& style() const { return style_; }
  std::size_t width() const { return style_.width < 24 ? 24 : style_.width; }
  /// Whether there is room for remarks beside what they belong to.
  bool wide() const { return width() >= 60; }

  void blank() { text_ += '\n'; }
  /// `lead`, then from column `hang` on `body`, broken into as many lines as it takes. A lead that reaches
  /// into `hang` has the body begin on the next line.
  void put(const Line& lead, std::size_t hang, const Line& body);
  void put(const Line& body) { put({}, 0, body); }

  /// How many columns `text` will take.
  std::size_t columns(std::string_view text) const;
  /// At most `limit` columns of it, the middle left out.
  std::string elide(std::string_view text, std::size_t limit) const;

  std::string_view arrow() const { return style_.utf8 ? "→" : "->"; }
  std::string_view danger_mark() const { return style_.utf8 ? "▲" : "!"; }
  std::string_view warning_mark() const { return style_.utf8 ? "△" : "*"; }
  std::string_view dot() const { return style_.utf8 ? "·" : "-"; }
  std::string_view ellipsis() const { return style_.utf8 ? "…" : "..."; }

  std::string take() { return std::move(text_); }

 private:
  /// Writes `cells` from `column` on, in as many lines as it takes, the later ones indented by `hang`. Returns the
  /// column where the last one ends.
  std::size_t break_lines(const std::vector<Cell>& cells, std::size_t column, std::size_t hang);
  std::string harmless(std::string_view text) const;

  Style style_;
  std::vector<std::string> secrets_;
  std::string text_;
};

}  // namespace claudebox::render
