#include "profile/write.h"

#include <algorithm>

#include "base/toml_string.h"

namespace claudebox::profile {
namespace {

std::string value_of(const Entry& entry) {
  if (entry.is_boolean()) return entry.truth ? "true" : "false";
  const bool number = entry.text.find_first_not_of("0123456789") == std::string::npos;
  return entry.key->type == Type::amount && number ? entry.text : base::toml_string(entry.text);
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
    case Type::text_or_boolean:
      out += inner + "\"type\": [\"boolean\", \"string\"],\n" + inner + "\"minLength\": 1\n";
      break;
    case Type::text:
      out += inner + "\"type\": \"string\",\n";
      out += inner +
             (key.choices.empty() ? std::string("\"minLength\": 1")
                                  : "\"enum\": [" + list_of_choices(key.choices) + "]") +
             "\n";
      break;
    case Type::amount:
      out += inner + "\"type\": [\"string\", \"integer\"]\n";
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
