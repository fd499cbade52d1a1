#include "profile/write.h"

#include <algorithm>
#include <cstdio>

namespace claudebox::profile {
namespace {

/// One character of UTF-8 at `at`, and its length; length 1 and no character for bytes that are none.
std::pair<char32_t, std::size_t> character_at(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const std::size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  char32_t value = length == 1 ? first : first & (0xffU >> (length + 1));
  if (at + length > text.size()) return {0xfffd, 1};
  for (std::size_t i = 1; i < length; ++i)
    value = (value << 6U) | (static_cast<unsigned char>(text[at + i]) & 0x3fU);
  return {value, length};
}

/// Control characters, and those that turn or hide what stands beside them.
bool deceives(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0xfffd;
}

std::string value_of(const Entry& entry) {
  if (entry.key->type == Type::boolean) return entry.truth ? "true" : "false";
  return toml_string(entry.text);
}

std::string comment(const Entry& entry) {
  return "  # " + entry.origin.source + "\n";
}

std::string in_json(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string list_of_choices(std::string_view choices) {
  std::string out;
  while (!choices.empty()) {
    const std::size_t end = std::min(choices.find(' '), choices.size());
    out += (out.empty() ? "" : ", ") + in_json(choices.substr(0, end));
    choices.remove_prefix(std::min(end + 1, choices.size()));
  }
  return out;
}

std::string property(const Key& key, const std::string& indent) {
  std::string out = indent + in_json(key.leaf()) + ": {\n";
  const std::string inner = indent + "  ";
  out += inner +
         "\"description\": " + in_json(std::string(key.summary) + ". Each: " + std::string(key.value)) +
         ",\n";
  switch (key.type) {
    case Type::boolean:
      out += inner + "\"type\": \"boolean\"\n";
      break;
    case Type::text:
      out += inner + "\"type\": \"string\",\n";
      out += inner +
             (key.choices.empty() ? std::string("\"minLength\": 1")
                                  : "\"enum\": [" + list_of_choices(key.choices) + "]") +
             "\n";
      break;
    case Type::list:
      out += inner + "\"type\": \"array\",\n" + inner + "\"uniqueItems\": true,\n" + inner +
             "\"items\": { \"type\": \"string\", \"minLength\": 1 }\n";
      break;
  }
  return out + indent + "}";
}

/// The keys of one table, and at top level the tables.
std::string properties(std::string_view table, const std::string& indent) {
  std::string out;
  std::string_view done;
  const auto separator = [&] { return out.empty() ? "" : ",\n"; };
  for (const auto& key : keys()) {
    if (key.table() == table) {
      const std::string before = separator();
      out += before + property(key, indent);
    } else if (table.empty() && key.table() != done) {
      done = key.table();
      const std::string before = separator();
      out += before + indent + in_json(done) + ": {\n" + indent + "  \"type\": \"object\",\n" + indent +
             "  \"additionalProperties\": false,\n" + indent + "  \"properties\": {\n" +
             properties(done, indent + "    ") + "\n" + indent + "  }\n" + indent + "}";
    }
  }
  return out;
}

}  // namespace

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const auto [c, length] = character_at(text, at);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (deceives(c)) {
      char escaped[16];
      std::snprintf(escaped, sizeof escaped, "\\u%04X", static_cast<unsigned>(c));
      out += escaped;
    } else {
      out += text.substr(at, length);
    }
    at += length;
  }
  return out + '"';
}

std::string show(const Settings& settings) {
  std::string out;
  for (const auto& file : settings.files) out += (out.empty() ? "# " : ", ") + file.name;
  out += out.empty() ? "# nothing is set\n" : "\n";
  std::string_view table;
  for (const auto& key : keys()) {
    std::string items;
    for (const auto& entry : settings.entries) {
      if (entry.key != &key) continue;
      if (key.table() != table) {
        table = key.table();
        out += "\n[" + std::string(table) + "]\n";
      }
      if (key.type == Type::list) {
        items += "  " + value_of(entry) + "," + comment(entry);
      } else {
        out += std::string(key.leaf()) + " = " + value_of(entry) + comment(entry);
      }
    }
    if (!items.empty()) out += std::string(key.leaf()) + " = [\n" + items + "]\n";
  }
  return out;
}

std::string json_schema() {
  return "{\n"
         "  \"$schema\": \"http://json-schema.org/draft-07/schema#\",\n"
         "  \"title\": \"A profile of claudebox\",\n"
         "  \"type\": \"object\",\n"
         "  \"additionalProperties\": false,\n"
         "  \"properties\": {\n" +
         properties("", "    ") + "\n  }\n}\n";
}

}  // namespace claudebox::profile
