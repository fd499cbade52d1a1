// The only file that includes toml++.
#include "profile/parse.h"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
// Without assertions toml++ 3.3 tells the compiler that its preconditions hold, and "[!" alone breaks one of them. The code
// after each looks for itself, so nothing may be assumed.
#include <toml++/impl/preprocessor.h>
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expr) static_assert(true)
#include <toml++/toml.h>

#include <algorithm>
#include <map>

#include "base/text.h"

namespace claudebox::profile {
namespace {

/// More is a mistake, or somebody's attempt to make a start slow.
constexpr std::size_t kLongestText = 4096;
constexpr std::size_t kMostItems = 1024;

Position position(const toml::source_region& region) {
  return {static_cast<int>(region.begin.line), static_cast<int>(region.begin.column)};
}

/// What a value is, for people.
std::string kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "true or false";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::table:
      return "a table";
    default:
      return "a date or time";
  }
}

bool has_controls(std::string_view text, bool path) {
  return std::any_of(text.begin(), text.end(), [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0 || (!path && (byte < 0x20 || byte == 0x7f));
  });
}

class Reader {
 public:
  Reader(const Source& source, const Place& place, int layer, base::Diagnostics& problems)
      : source_(source), place_(place), layer_(layer), problems_(problems) {}

  std::vector<Entry> read(const toml::table& root) {
    table(root, "");
    std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
    });
    for (const auto& entry : entries_) {
      judge(entry);
      twice(entry);
    }
    std::stable_sort(found_.begin(), found_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [_, problem] : found_) problems_.add(std::move(problem));
    return std::move(entries_);
  }

 private:
  void problem(Position at, const std::string& message, std::string hint) {
    found_.emplace_back(std::pair(at.line, at.column), problem_at(source_, at, message, std::move(hint)));
  }

  void table(const toml::table& values, const std::string& name) {
    for (const auto& [key, node] : values) {
      const std::string leaf(key.str());
      const std::string full = name.empty() ? leaf : name + "." + leaf;
      const Position at = position(key.source());
      if (const Key* known = find_key(full); known && known->table() == name) {
        value(*known, node);
      } else if (name.empty() && is_table(leaf)) {
        if (const auto* below = node.as_table()) {
          table(*below, leaf);
        } else {
          problem(position(node.source()), leaf + " is a table, and this is " + kind_of(node),
                  "write [" + leaf + "] on a line by itself, and its keys below");
        }
      } else {
        unknown(leaf, name, at);
      }
    }
  }

  static bool is_table(std::string_view name) {
    return std::any_of(keys().begin(), keys().end(), [&](const Key& key) { return key.table() == name; });
  }

  void unknown(const std::string& leaf, const std::string& name, Position at) {
    std::vector<std::string> known;
    std::string elsewhere;
    for (const auto& key : keys()) {
      if (key.table() == name) known.emplace_back(key.leaf());
      if (key.leaf() == leaf) elsewhere = key.table();
      if (name.empty() && !key.table().empty() && (known.empty() || known.back() != key.table()))
        known.emplace_back(key.table());
    }
    std::string hint = "known here: " + base::join(known, ", ");
    if (!elsewhere.empty()) {
      hint = "it belongs below [" + elsewhere + "]";
    } else if (find_key(leaf)) {
      hint = "it belongs above every [table]";
    } else if (const auto near = base::nearest(leaf, known)) {
      hint = "did you mean " + *near + "?";
    }
    problem(at, "unknown key '" + leaf + "'" + (name.empty() ? "" : " in [" + name + "]"), hint);
  }

  void value(const Key& key, const toml::node& node) {
    const Position at = position(node.source());
    const std::string name(key.name);
    switch (key.type) {
      case Type::boolean:
        if (const auto* truth = node.as_boolean()) return add(key, {}, truth->get(), at);
        return problem(at, name + " is true or false, and this is " + kind_of(node),
                       node.is_string() ? "without quotes" : name + " = true, or " + name + " = false");
      case Type::text_or_boolean:
        if (const auto* truth = node.as_boolean()) return add(key, {}, truth->get(), at);
        if (const auto* text = node.as_string()) return add(key, text->get(), true, at, true);
        return problem(at, name + " is true, false or one text, and this is " + kind_of(node),
                       name + " = true, or " + name + " = \"...\"");
      case Type::text:
        if (const auto* text = node.as_string()) return add(key, text->get(), false, at);
        return problem(at, name + " is one text, and this is " + kind_of(node),
                       name + " = \"" + std::string(key.value) + "\", with the quotes");
      case Type::amount:
        if (const auto* text = node.as_string()) return add(key, text->get(), false, at);
        if (const auto* number = node.as_integer()) return add(key, std::to_string(number->get()), false, at);
        return problem(at, name + " is an amount, and this is " + kind_of(node),
                       "as in: " + name + " = " + example(key));
      case Type::list:
        if (const auto* items = node.as_array()) return list(key, *items, at);
        return problem(at, name + " is a list, and this is " + kind_of(node),
                       "in brackets: " + name + " = [\"" + std::string(key.value) + "\"]");
    }
  }

  /// The first of "8G|none", as it would be written.
  static std::string example(const Key& key) {
    const std::string first(key.value.substr(0, key.value.find('|')));
    return first.find_first_not_of("0123456789") == std::string::npos ? first : "\"" + first + "\"";
  }

  void list(const Key& key, const toml::array& items, Position at) {
    const std::string name(key.name);
    if (items.size() > kMostItems)
      return problem(at, name + " has " + std::to_string(items.size()) + " entries",
                     "at most " + std::to_string(kMostItems));
    for (const auto& item : items) {
      const Position place = position(item.source());
      if (const auto* text = item.as_string()) {
        add(key, text->get(), false, place);
      } else {
        problem(place, name + " is a list of texts, and this is " + kind_of(item),
                "in quotes: \"" + std::string(key.value) + "\"");
      }
    }
  }

  void add(const Key& key, const std::string& text, bool truth, Position at, bool from_text = false) {
    const std::string name(key.name);
    const bool may_be_empty = key.type == Type::boolean || (key.type == Type::text_or_boolean && !from_text);
    if (!may_be_empty && text.empty())
      return problem(at, name + " has an empty text",
                     "write " + std::string(key.value) + ", or leave it out");
    if (text.size() > kLongestText)
      return problem(at, name + " has a text of " + std::to_string(text.size()) + " bytes",
                     "at most " + std::to_string(kLongestText));
    if (has_controls(text, key.paths))
      return problem(at, name + " has a control character in it",
                     key.paths ? "a NUL can't be part of a path" : "retype it by hand");
    entries_.push_back(
        {.key = &key, .text = text, .truth = truth, .at = at, .origin = source_.origin(at), .layer = layer_});
  }

  /// Tries it on a request that nobody uses, so that what is wrong with it is said with its place.
  void judge(const Entry& entry) {
    plan::Request scratch;
    base::Diagnostics found;
    entry.key->apply(entry, place_, scratch, found);
    for (const auto& item : found.items()) problem(entry.at, item.message, item.hint);
  }

  void twice(const Entry& entry) {
    if (!entry.key->identity) return;
    const std::string identity = entry.key->identity(entry);
    const auto [first, fresh] = seen_.try_emplace({entry.key, identity}, entry.at);
    if (!fresh)
      problem(entry.at,
              std::string(entry.key->name) + " has '" + identity + "' twice, first on line " +
                  std::to_string(first->second.line),
              "keep one of the two");
  }

  const Source& source_;
  const Place& place_;
  int layer_;
  base::Diagnostics& problems_;
  std::vector<Entry> entries_;
  std::vector<std::pair<std::pair<int, int>, base::Diagnostic>> found_;
  std::map<std::pair<const Key*, std::string>, Position> seen_;
};

}  // namespace

std::vector<Entry> parse(const Source& source, const Place& place, int layer, base::Diagnostics& problems) {
  const toml::parse_result parsed = toml::parse(std::string_view(source.text));
  if (!parsed) {
    const auto& error = parsed.error();
    problems.add(problem_at(source, position(error.source()), "no TOML: " + std::string(error.description()),
                            "https://toml.io has the rules; what follows this place was not read"));
    return {};
  }
  return Reader(source, place, layer, problems).read(parsed.table());
}

}  // namespace claudebox::profile
