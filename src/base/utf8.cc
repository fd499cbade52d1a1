#include "base/utf8.h"

#include <utf8.h>

namespace claudebox::base {

Character character_at(std::string_view text, std::size_t at) {
  constexpr std::size_t kLongest = 4;
  const std::string_view ahead = text.substr(at, kLongest);
  const auto* next = ahead.begin();
  if (utf8::find_invalid(ahead.begin(), ahead.end()) == next) return {};
  const char32_t code = utf8::unchecked::next(next);
  return {code, static_cast<std::size_t>(next - ahead.begin())};
}

bool is_deceptive(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
         (code >= 0xe0000 && code <= 0xe007f);
}

bool is_utf8(std::string_view text) {
  return utf8::is_valid(text.begin(), text.end());
}

}  // namespace claudebox::base
