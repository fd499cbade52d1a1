#include "plan/git_config.h"

#include <algorithm>
#include <cctype>

namespace claudebox::plan {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '-';
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
  }

  std::vector<GitConfigEntry> read() {
    while (!at_end()) {
      const char c = peek();
      if (c == '\n' || std::isspace(static_cast<unsigned char>(c))) {
        ++at_;
      } else if (c == '#' || c == ';') {
        skip_line();
      } else if (c == '[') {
        header();
      } else {
        entry();
      }
    }
    return std::move(entries_);
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return text_[at_]; }
  void skip_line() { at_ = std::min(text_.find('\n', at_), text_.size()); }
  void skip_blanks() {
    while (!at_end() && (peek() == ' ' || peek() == '\t' || peek() == '\r')) ++at_;
  }

  /// [section], [section "sub section"], and the old [section.sub].
  void header() {
    ++at_;
    section_.clear();
    subsection_.clear();
    while (!at_end() && (is_name(peek()) || peek() == '.')) section_ += lower(text_[at_++]);
    if (const auto dot = section_.find('.'); dot != std::string::npos) {
      subsection_ = section_.substr(dot + 1);
      section_.resize(dot);
    }
    skip_blanks();
    if (!at_end() && peek() == '"') {
      for (++at_; !at_end() && peek() != '"' && peek() != '\n'; ++at_) {
        if (peek() == '\\' && at_ + 1 < text_.size()) ++at_;
        subsection_ += peek();
      }
      if (!at_end() && peek() == '"') ++at_;
    }
    skip_blanks();
    if (!at_end() && peek() == ']') {
      ++at_;
    } else {
      section_.clear();
      skip_line();
    }
  }

  void entry() {
    std::string key;
    while (!at_end() && is_name(peek())) key += lower(text_[at_++]);
    skip_blanks();
    const bool ends = at_end() || peek() == '\n' || peek() == '#' || peek() == ';';
    if (key.empty() || section_.empty() || (!ends && peek() != '=')) return skip_line();
    std::string value = "true";  // "key" alone
    if (!ends) {
      ++at_;
      value = read_value();
    }
    skip_line();
    entries_.push_back({section_, subsection_, std::move(key), std::move(value)});
  }

  /// Quotes, escapes, a backslash at the end of a line; blanks at the end go unless quoted.
  std::string read_value() {
    skip_blanks();
    std::string value;
    std::size_t keep = 0;
    bool quoted = false;
    for (; !at_end(); ++at_) {
      const char c = peek();
      if (c == '\n') break;
      if (!quoted && (c == '#' || c == ';')) break;
      if (c == '"') {
        quoted = !quoted;
        keep = value.size();
      } else if (c == '\\' && at_ + 1 < text_.size()) {
        const char next = text_[++at_];
        if (next == '\r' || next == '\n') {
          if (next == '\r' && at_ + 1 < text_.size()) ++at_;
          continue;
        }
        value += next == 'n' ? '\n' : next == 't' ? '\t' : next == 'b' ? '\b' : next;
        keep = value.size();
      } else {
        value += c;
        if (quoted || !std::isspace(static_cast<unsigned char>(c))) keep = value.size();
      }
    }
    value.resize(keep);
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string section_;
  std::string subsection_;
  std::vector<GitConfigEntry> entries_;
};

}  // namespace

std::vector<GitConfigEntry> parse_git_config(std::string_view text) {
  return Reader(text).read();
}

std::optional<std::string> git_config_value(const std::vector<GitConfigEntry>& entries,
                                            std::string_view section, std::string_view key) {
  const auto last = std::find_if(entries.rbegin(), entries.rend(), [&](const GitConfigEntry& entry) {
    return entry.section == section && entry.subsection.empty() && entry.key == key;
  });
  if (last == entries.rend()) return std::nullopt;
  return last->value;
}

bool git_config_true(std::string_view value) {
  std::string word;
  for (const char c : value) word += lower(c);
  if (word == "true" || word == "yes" || word == "on") return true;
  const std::size_t digits = word.starts_with('-') || word.starts_with('+') ? 1 : 0;
  return word.size() > digits && std::isdigit(static_cast<unsigned char>(word[digits])) &&
         word.find_first_of("123456789", digits) != std::string::npos;
}

std::string git_config_quote(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      out += c;
    }
  }
  return out += '"';
}

}  // namespace claudebox::plan
