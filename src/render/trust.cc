#include "render/trust.h"

#include <algorithm>

#include "base/text.h"
#include "render/page.h"

namespace claudebox::render {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  auto lines = base::split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

void put_lines(Page& page, const std::vector<std::string>& lines, std::size_t from, std::size_t to,
               const std::string& mark, Role role) {
  for (std::size_t i = from; i < to; ++i) page.put({{"  " + mark, role}}, 4, {{lines[i], role}});
}

/// What the two have in common at both ends is left out but for a line of it. The order of lines counts: below another
/// [table] a line means something else.
void put_difference(Page& page, const std::vector<std::string>& before, const std::vector<std::string>& now) {
  const std::size_t most = std::min(before.size(), now.size());
  std::size_t head = 0;
  while (head < most && before[head] == now[head]) ++head;
  std::size_t tail = 0;
  while (tail < most - head && before[before.size() - 1 - tail] == now[now.size() - 1 - tail]) ++tail;
  if (head > 0) put_lines(page, now, head - 1, head, "  ", Role::dim);
  put_lines(page, before, head, before.size() - tail, "- ", Role::dim);
  put_lines(page, now, head, now.size() - tail, "+ ", Role::warning);
  if (tail > 0) put_lines(page, now, now.size() - tail, now.size() - tail + 1, "  ", Role::dim);
}

}  // namespace

std::string trust_question(const TrustQuestion& question, const Style& style) {
  Page page(style, {});
  const auto now = lines_of(question.text);
  if (question.before) {
    page.put({{"changed since you approved it: ", Role::strong}, {question.path}});
    put_difference(page, lines_of(*question.before), now);
  } else {
    page.put({{"not approved: ", Role::strong}, {question.path}});
    put_lines(page, now, 0, now.size(), "| ", Role::plain);
  }
  page.blank();
  if (question.widening.empty()) {
    page.put({{"Beside what you ask for otherwise it adds nothing."}});
  } else {
    page.put({{"What it adds to every box of this project:", Role::strong}});
    for (const auto& line : question.widening)
      page.put({{std::string(page.danger_mark()) + " ", Role::danger}}, 2, {{line, Role::danger}});
  }
  return page.take();
}

}  // namespace claudebox::render
