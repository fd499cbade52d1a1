#include <unistd.h>

#include "base/text.h"
#include "cli/check.h"
#include "cli/command.h"
#include "cli/json.h"

namespace claudebox::cli {
namespace {

struct Look {
  const char* word;
  const char* color;
};

Look look_of(const Part& part) {
  switch (part.state) {
    case Part::State::good:
      return {"ok", "\033[32m"};
    case Part::State::poor:
      return {"limited", "\033[33m"};
    case Part::State::bad:
      return {"bad", part.required ? "\033[31m" : "\033[33m"};
    case Part::State::missing:
      return {"missing", part.required ? "\033[31m" : "\033[33m"};
  }
  return {"?", ""};
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

void add_part(std::string& out, const Part& part, const render::Style& style) {
  constexpr std::size_t kState = 9;
  const Look look = look_of(part);
  const std::string title = part.title + (part.version.empty() ? "" : " " + part.version);
  const std::string state = padded(look.word, kState);
  out +=
      "  " + (style.color ? look.color + state + "\033[0m" : state) + base::escape_for_terminal(title) + "\n";
  const std::string indent(kState + 4, ' ');
  const std::size_t room = style.width > indent.size() + 20 ? style.width - indent.size() : 20;
  for (const auto& line : base::wrap(base::escape_for_terminal(part.detail), room))
    out += indent + line + "\n";
  // A command stays on one line, so that it can be copied.
  for (const auto& line : part.remedy) out += indent + "> " + base::escape_for_terminal(line) + "\n";
}

std::string for_people(const std::vector<Part>& parts, const render::Style& style) {
  std::string out;
  for (const bool required : {true, false}) {
    out += required ? "Required:\n" : "\nGood to have:\n";
    for (const auto& part : parts)
      if (part.required == required) add_part(out, part, style);
  }
  out += is_ready(parts)
             ? "\nThis machine is ready.\n"
             : "\nThis machine is not ready: something required is missing or does not suffice.\n";
  return out;
}

}  // namespace

int check(const Context& context) {
  const auto parts = assess(gather(context.host));
  print(context.low.json ? check_json(parts) : for_people(parts, style_for(STDOUT_FILENO, context.host)));
  return static_cast<int>(is_ready(parts) ? base::ExitCode::success : base::ExitCode::failure);
}

}  // namespace claudebox::cli
