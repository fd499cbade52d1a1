#include "render/page.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "base/secret.h"
#include "base/text.h"
#include "base/utf8.h"
#include "render/width.h"

namespace claudebox::render {
namespace {

const char* color_of(Role role) {
  switch (role) {
    case Role::plain:
      return "";
    case Role::strong:
      return "\x1b[1m";
    case Role::dim:
      return "\x1b[2m";
    case Role::danger:
      return "\x1b[1;31m";
    case Role::warning:
    case Role::host:
      return "\x1b[33m";
    case Role::good:
    case Role::generated:
      return "\x1b[32m";
    case Role::extra:
      return "\x1b[36m";
  }
  return "";
}

std::vector<Cell> cells_of(const std::vector<Span>& spans) {
  std::vector<Cell> cells;
  for (const auto& span : spans) {
    const std::string_view text = span.text;
    for (std::size_t at = 0; at < text.size();) {
      const auto [code, length] = base::character_at(text, at);
      cells.push_back({text.substr(at, length), code ? character_width(*code) : 1, span.role});
      at += length;
    }
  }
  return cells;
}

/// Where a line that starts at `begin` and may take `room` columns ends: at a space, else after a separator
/// of paths and lists, else where it is full.
std::size_t line_end(const std::vector<Cell>& cells, std::size_t begin, std::size_t room) {
  std::size_t full = begin;
  for (std::size_t used = 0; full < cells.size() && used + cells[full].width <= room; ++full)
    used += cells[full].width;
  if (full == cells.size() || cells[full].is_space()) return full;
  for (std::size_t at = full; at > begin + 1; --at)
    if (cells[at - 1].is_space()) return at - 1;
  for (std::size_t at = full; at > begin + 1; --at)
    if (cells[at - 1].separates()) return at;
  for (std::size_t at = full; at > begin + 1; --at)
    if (cells[at - 1].breaks_after()) return at;
  return std::max(full, begin + 1);
}

/// Without the spaces at the end. Returns the columns written.
std::size_t write(std::string& out, const Cell* first, const Cell* last, bool color) {
  while (last != first && (last - 1)->is_space()) --last;
  Role role = Role::plain;
  std::size_t columns = 0;
  for (const Cell* cell = first; cell != last; ++cell) {
    if (color && cell->role != role && !cell->is_space()) {
      if (role != Role::plain) out += "\x1b[0m";
      out += color_of(cell->role);
      role = cell->role;
    }
    out += cell->text;
    columns += cell->width;
  }
  if (color && role != Role::plain) out += "\x1b[0m";
  return columns;
}

std::string in_ascii(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto [code, length] = base::character_at(text, at);
    if (length == 1) {
      out += text[at];
    } else {
      char buffer[16];
      std::snprintf(buffer, sizeof buffer, "\\u{%x}", static_cast<unsigned>(*code));
      out += buffer;
    }
    at += length;
  }
  return out;
}

}  // namespace

std::string Page::harmless(std::string_view text) const {
  std::string out(text);
  for (const auto& secret : secrets_) {
    const std::string shown = base::mask(secret);
    for (std::size_t at = out.find(secret); at != std::string::npos; at = out.find(secret, at + shown.size()))
      out.replace(at, secret.size(), shown);
  }
  out = base::escape_for_terminal(base::hide_secrets(out));
  return style_.utf8 ? out : in_ascii(out);
}

std::size_t Page::columns(std::string_view text) const {
  return text_width(harmless(text));
}

std::string Page::elide(std::string_view text, std::size_t limit) const {
  std::string whole = harmless(text);
  if (text_width(whole) <= limit) return whole;
  const std::vector<Span> spans = {{whole}};  // the cells point into it
  const std::vector<Cell> cells = cells_of(spans);
  const std::string_view mark = ellipsis();
  const std::size_t room = limit > text_width(mark) ? limit - text_width(mark) : 0;
  std::string head;
  for (std::size_t i = 0, used = 0; used + cells[i].width <= room - room / 3; used += cells[i++].width)
    head += cells[i].text;
  std::string tail;
  for (std::size_t i = cells.size(), used = 0; used + cells[i - 1].width <= room / 3;
       used += cells[--i].width)
    tail.insert(0, cells[i - 1].text);
  return head.append(mark).append(tail);
}

std::size_t Page::break_lines(const std::vector<Cell>& cells, std::size_t column, std::size_t hang) {
  for (std::size_t at = 0; at < cells.size();) {
    const std::size_t end = line_end(cells, at, width() - hang);
    column += write(text_, cells.data() + at, cells.data() + end, style_.color);
    for (at = end; at < cells.size() && cells[at].is_space();) ++at;
    if (at == cells.size()) break;
    text_ += '\n' + std::string(hang, ' ');
    column = hang;
  }
  return column;
}

void Page::put(const Line& lead, std::size_t hang, const Line& body) {
  const auto clean = [this](Line spans) {
    for (auto& span : spans) span.text = harmless(span.text);
    return spans;
  };
  const Line clean_lead = clean(lead);
  const Line clean_body = clean(body);
  const std::vector<Cell> head = cells_of(clean_lead);
  const std::vector<Cell> cells = cells_of(clean_body);
  // Narrow terminals: what would be squeezed into a few columns moves left instead.
  const std::size_t left = std::min(hang, width() / 2);
  std::size_t column = break_lines(head, 0, 0);
  if (cells.empty()) {
    text_ += '\n';
    return;
  }
  if (!head.empty() && column + 1 > left) {
    text_ += '\n';
    column = 0;
  }
  text_ += std::string(left - std::min(left, column), ' ');
  break_lines(cells, left, left);
  text_ += '\n';
}

}  // namespace claudebox::render
