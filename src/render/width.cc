#include "render/width.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace claudebox::render {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};
// From UAX 11 and the general categories Mn and Me, joined into blocks: a terminal's own table differs in
// details, and a column too many only breaks a line early.
constexpr std::array kZero = {Range{0x0300, 0x036f}, Range{0x0483, 0x0489}, Range{0x0591, 0x05bd},
                              Range{0x0610, 0x061a}, Range{0x064b, 0x065f}, Range{0x0e31, 0x0e31},
                              Range{0x0e34, 0x0e3a}, Range{0x1ab0, 0x1aff}, Range{0x1dc0, 0x1dff},
                              Range{0x20d0, 0x20ff}, Range{0xfe00, 0xfe0f}, Range{0xfe20, 0xfe2f}};
constexpr std::array kWide = {Range{0x1100, 0x115f},   Range{0x2329, 0x232a},   Range{0x2e80, 0x303e},
                              Range{0x3041, 0x33ff},   Range{0x3400, 0x4dbf},   Range{0x4e00, 0x9fff},
                              Range{0xa000, 0xa4cf},   Range{0xa960, 0xa97f},   Range{0xac00, 0xd7a3},
                              Range{0xf900, 0xfaff},   Range{0xfe30, 0xfe6f},   Range{0xff00, 0xff60},
                              Range{0xffe0, 0xffe6},   Range{0x1f300, 0x1f64f}, Range{0x1f680, 0x1f6ff},
                              Range{0x1f900, 0x1f9ff}, Range{0x1fa70, 0x1faff}, Range{0x20000, 0x3fffd}};

template <std::size_t N>
bool is_in(char32_t code, const std::array<Range, N>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& range) { return code >= range.first && code <= range.last; });
}

}  // namespace

std::size_t character_width(char32_t code) {
  return is_in(code, kZero) ? 0 : is_in(code, kWide) ? 2 : 1;
}

std::size_t text_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto [code, length] = base::character_at(text, at);
    width += code ? character_width(*code) : 1;
    at += length;
  }
  return width;
}

}  // namespace claudebox::render
