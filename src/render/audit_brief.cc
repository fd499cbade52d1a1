// The audit in two lines, for somebody who knows the box.
#include <algorithm>
#include <array>

#include "base/path.h"
#include "base/text.h"
#include "plan/agent.h"
#include "render/sections.h"
#include "render/sensitive.h"

namespace claudebox::render {
namespace {

using plan::LoginMode;
using plan::Note;

/// Where the lines hang together, behind the program's name.
constexpr std::size_t kColumn = 11;

/// One thing that the second line says, and how it says less of it where there is no room; what is empty is left out.
struct Piece {
  Line full{};
  Line brief{};
  Line least{};
};

std::size_t columns(const Page& page, const Line& line) {
  std::size_t sum = 0;
  for (const auto& span : line) sum += page.columns(span.text);
  return sum;
}

/// As many marks as the whole audit has: that is written, and thrown away.
std::size_t dangers_of(const plan::Plan& plan) {
  Page unseen({}, {});
  Audit parts(plan, unseen);
  parts.all();
  return parts.dangers();
}

/// Without what claudebox itself adds: that the agent asks nothing goes without saying.
std::string command_of(const plan::Plan& plan) {
  auto words = base::split(plan.command.display, ' ');
  if (plan.command.action == plan::Action::agent)
    for (const auto flag : plan::agent_of(plan).unattended_flags)
      if (const auto at = std::find(words.begin(), words.end(), flag); at != words.end()) words.erase(at);
  return base::join(words, " ");
}

Piece login_piece(const plan::Plan& plan) {
  const auto& login = plan.login;
  const std::string subscription = login.subscription.empty() ? "" : " (" + login.subscription + ")";
  switch (login.mode.value) {
    case LoginMode::broker:
      return {{{"login yours" + subscription}}, {{"login yours"}}};
    case LoginMode::store: {
      const std::string name = login.store.empty() ? "" : " " + login.store;
      return {{{"login of boxes" + name + subscription}}, {{"login of boxes"}}};
    }
    case LoginMode::env:
      return {{{"login by " + base::join(login.variables, ", ")}}, {{"login by variable"}}};
    case LoginMode::none:
      break;
  }
  return {{{"no login"}}, {{"no login"}}};
}

Piece profile_piece(const plan::Plan& plan) {
  std::vector<std::string> names;
  for (const auto& file : plan.files)
    if (file.kind == plan::SettingsFile::Kind::profile) names.push_back(file.name);
  if (names.empty()) return {};
  return {{{"profile " + names.back()}}, {}};  // with what it extends, which lies below it
}

Piece danger_piece(const plan::Plan& plan, const Page& page) {
  const std::size_t count = dangers_of(plan);
  if (count == 0) return {};
  const std::string mark = std::string(page.danger_mark()) + " " + std::to_string(count);
  return {{{mark + " sensitive", Role::danger}}, {{mark, Role::danger}}, {{mark, Role::danger}}};
}

Piece note_piece(const plan::Plan& plan, const Page& page) {
  const auto count = std::count_if(plan.notes.begin(), plan.notes.end(),
                                   [](const Note& note) { return note.level == Note::Level::warning; });
  if (count == 0) return {};
  return {
      {{std::string(page.warning_mark()) + " " + std::to_string(count) + (count == 1 ? " note" : " notes"),
        Role::warning}},
      {}};
}

/// The pieces between dots. What matters least gives way first, until the line fits.
Line fitted(const Page& page, std::array<Piece, 5> pieces, std::size_t room) {
  enum { profile, login, danger, note, where };
  const auto joined = [&] {
    Line out;
    for (const auto& piece : pieces) {
      if (piece.full.empty()) continue;
      if (!out.empty()) out.push_back({" " + std::string(page.dot()) + " ", Role::dim});
      out.insert(out.end(), piece.full.begin(), piece.full.end());
    }
    return out;
  };
  for (const int at : {where, login, profile, note, danger, login, where}) {
    if (columns(page, joined()) <= room) break;
    auto& piece = pieces.at(static_cast<std::size_t>(at));
    piece = {piece.brief, piece.least, {}};
  }
  return joined();
}

}  // namespace

std::string audit_brief(const plan::Plan& plan, Standing standing, const Style& style) {
  Page page(style, secrets_of(plan));
  const std::string tier = plan::tier_name(plan.network.value);
  const std::string network = " " + std::string(page.dot()) + (page.wide() ? " network " : " ");
  const std::string tail =
      !page.wide() && standing == Standing::approved
          ? std::string()
          : " " + std::string(page.dot()) + (standing == Standing::approved ? " as approved" : " changed");
  // The project's path gives way first, then the command's length.
  const std::string head = page.wide() ? "claudebox  " : "";
  const std::size_t fixed = page.columns(head + " in " + network + tier + tail);
  const std::size_t room = page.width() > fixed + 8 ? page.width() - fixed : 8;
  const std::string command = page.elide(command_of(plan), room / 2);
  const std::string project =
      page.elide(base::with_tilde(plan.project.root, plan.user_home), room - page.columns(command));
  page.put({{head, Role::strong},
            {command + " in " + project},
            {network, Role::dim},
            {tier, color_of(plan.network.value)},
            {tail, standing == Standing::approved ? Role::dim : Role::warning}});

  const std::size_t indent = page.wide() ? kColumn : 0;
  page.put({{std::string(indent, ' ')}}, indent,
           fitted(page,
                  {profile_piece(plan),
                   login_piece(plan),
                   danger_piece(plan, page),
                   note_piece(plan, page),
                   {{{"claudebox plan shows all", Role::dim}},
                    {{"claudebox plan", Role::dim}},
                    {{"claudebox plan", Role::dim}}}},
                  page.width() - indent));
  return page.take();
}

}  // namespace claudebox::render
