#include "profile/shell_words.h"

#include <string_view>

#include "profile/grants.h"

namespace claudebox::profile {
namespace {

constexpr const char* kOnlyPlain =
    "read are NAME=value and NAME=(word word), with quotes, comments, $HOME and ~; nothing is run\n"
    "write what the rest comes to by hand";

/// Thrown within this file: the rest of the line can't be read.
struct Unreadable {
  Position at;
  std::string why;
};

class Words {
 public:
  Words(const Source& source, base::Diagnostics& problems)
      : source_(source), text_(source.text), problems_(problems) {}

  std::vector<ShellAssignment> read() {
    while (!ended()) {
      try {
        statement();
      } catch (const Unreadable& unreadable) {
        problems_.add(problem_at(source_, unreadable.at, unreadable.why, kOnlyPlain));
        while (!ended() && peek() != '\n') next();
      }
    }
    return std::move(assignments_);
  }

 private:
  bool ended() const { return offset_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const {
    return offset_ + ahead < text_.size() ? text_[offset_ + ahead] : '\0';
  }
  char next() {
    const char c = text_[offset_++];
    if (c == '\n') {
      ++at_.line;
      at_.column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xc0U) != 0x80) {
      ++at_.column;
    }
    return c;
  }
  [[noreturn]] void fail(Position at, const std::string& why) const { throw Unreadable{at, why}; }

  void blanks() {
    while (!ended() && (peek() == ' ' || peek() == '\t')) next();
    if (!ended() && peek() == '\\' && peek(1) == '\n') {
      next();
      next();
      blanks();
    }
  }
  void comment() {
    if (!ended() && peek() == '#')
      while (!ended() && peek() != '\n') next();
  }

  void statement() {
    blanks();
    comment();
    if (ended()) return;
    if (peek() == '\n') {
      next();
      return;
    }
    ShellAssignment assignment{.at = at_};
    while (!ended() && is_variable_name(assignment.name + peek())) assignment.name += next();
    if (peek() == '+' && peek(1) == '=') {
      assignment.appends = true;
      next();
    }
    if (assignment.name.empty() || ended() || peek() != '=') fail(assignment.at, "this is no assignment");
    next();
    if (!ended() && peek() == '(') {
      array(assignment);
    } else if (!ends_word()) {
      assignment.words.push_back(word(false));
    }
    blanks();
    comment();
    if (!ended() && peek() != '\n') fail(at_, "more follows the assignment");
    assignments_.push_back(std::move(assignment));
  }

  void array(ShellAssignment& assignment) {
    assignment.array = true;
    const Position open = at_;
    next();
    for (;;) {
      blanks();
      comment();
      if (ended()) fail(open, "this ( is never closed");
      if (peek() == '\n') {
        next();
      } else if (peek() == ')') {
        next();
        return;
      } else {
        assignment.words.push_back(word(true));
      }
    }
  }

  bool ends_word() const {
    const char c = peek();
    return ended() || c == ' ' || c == '\t' || c == '\n' || c == ')';
  }

  ShellWord word(bool in_array) {
    ShellWord out{.at = at_};
    if (peek() == '~') tilde(out);
    while (!ends_word()) {
      const char c = peek();
      if (c == '\'') {
        single_quotes(out);
      } else if (c == '"') {
        double_quotes(out);
      } else if (c == '\\') {
        next();
        if (ended()) fail(out.at, "a backslash ends the file");
        if (peek() == '\n') {
          next();
        } else {
          put(out, next());
        }
      } else if (c == '$' || c == '`') {
        expansion(out);
      } else {
        plain(out, in_array);
      }
    }
    return out;
  }

  void plain(ShellWord& out, bool in_array) {
    constexpr std::string_view kSpecial = ";&|<>(";
    constexpr std::string_view kInArray = "*?[{";
    const char c = peek();
    if (kSpecial.find(c) != std::string_view::npos)
      fail(at_, std::string("'") + c + "' does something in a shell");
    if (in_array && kInArray.find(c) != std::string_view::npos)
      fail(at_, std::string("'") + c + "' without quotes stands for several words in a shell");
    if (!in_array && c == ':' && peek(1) == '~') fail(at_, "~ behind a colon");
    put(out, next());
  }

  void tilde(ShellWord& out) {
    const Position at = at_;
    next();
    if (!ends_word() && peek() != '/' && peek() != ':') fail(at, "~ with a name behind it");
    out.text += '~';
    out.path += '~';
  }

  void single_quotes(ShellWord& out) {
    const Position open = at_;
    next();
    while (!ended() && peek() != '\'') put(out, next());
    if (ended()) fail(open, "this ' is never closed");
    next();
  }

  void double_quotes(ShellWord& out) {
    const Position open = at_;
    next();
    while (!ended() && peek() != '"') {
      if (peek() == '\\' && std::string_view("$`\"\\\n").find(peek(1)) != std::string_view::npos) {
        next();
        if (peek() == '\n') {
          next();
        } else {
          put(out, next());
        }
      } else if (peek() == '$' || peek() == '`') {
        expansion(out);
      } else {
        put(out, next());
      }
    }
    if (ended()) fail(open, "this \" is never closed");
    next();
  }

  /// $HOME and ${HOME}; a $ that nothing follows is a dollar.
  void expansion(ShellWord& out) {
    const std::string_view rest = std::string_view(text_).substr(offset_);
    const std::size_t length =
        rest.starts_with("${HOME}") ? 7
        : rest.starts_with("$HOME") && (rest.size() == 5 || !is_variable_name("_" + std::string(1, rest[5])))
            ? 5
            : 0;
    if (length == 0)
      fail(at_, rest.starts_with("$(") || rest.starts_with('`') ? "a command would be run here"
                                                                : "an expansion other than $HOME");
    for (std::size_t i = 0; i < length; ++i) next();
    out.text += "$HOME";
    out.path += "${HOME}";
    out.has_home = true;
  }

  void put(ShellWord& out, char c) {
    if (c == '\0' || c == '\r') fail(at_, "a NUL or carriage return");
    out.text += c;
    if (c == '\\' || c == '$') out.path += '\\';
    out.path += c;
  }

  const Source& source_;
  const std::string& text_;
  base::Diagnostics& problems_;
  std::size_t offset_ = 0;
  Position at_{1, 1};
  std::vector<ShellAssignment> assignments_;
};

}  // namespace

std::vector<ShellAssignment> read_shell_assignments(const Source& source, base::Diagnostics& problems) {
  return Words(source, problems).read();
}

}  // namespace claudebox::profile
