#include "base/toml_string.h"

#include <cstdio>

#include "base/utf8.h"

namespace claudebox::base {

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const auto [code, length] = character_at(text, at);
    const char32_t c = code.value_or(0xfffd);  // the replacement character
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (!code || is_deceptive(c)) {
      char escaped[16];
      std::snprintf(escaped, sizeof escaped, c > 0xffff ? "\\U%08X" : "\\u%04X", static_cast<unsigned>(c));
      out += escaped;
    } else {
      out += text.substr(at, length);
    }
    at += length;
  }
  return out + '"';
}

}  // namespace claudebox::base
