#include "render/audit.h"

#include <algorithm>

#include "base/path.h"
#include "base/text.h"
#include "render/sections.h"
#include "render/sensitive.h"

namespace claudebox::render {
namespace {

using plan::Note;

/// A prompt given on the command line can be pages long.
constexpr std::size_t kCommandLines = 3;

std::string kind_name(base::Origin::Kind kind) {
  switch (kind) {
    case base::Origin::Kind::builtin:
      return "built in";
    case base::Origin::Kind::detected:
      return "found";
    case base::Origin::Kind::flag:
      return "flag";
    case base::Origin::Kind::environment:
      return "environment";
    case base::Origin::Kind::profile:
      return "profile";
  }
  return {};
}

/// Quoted where a space would blur where it ends.
std::string in_list(const std::string& text) {
  return text.find(' ') == std::string::npos ? text : "\"" + text + "\"";
}

}  // namespace

/// Everything stands in three columns: what is dangerous, what it is called, and what it is.
std::size_t Audit::text_column() const {
  return page_.wide() ? 17 : 13;
}

void Audit::heading(const std::string& name, const Line& aside) {
  page_.blank();
  page_.put({{name, Role::strong}}, text_column(), aside);
}

void Audit::fact(const std::string& label, const Line& text) {
  page_.put({{"  "}, {label, Role::dim}}, text_column(), text);
}

void Audit::grant(const Line& label, const Line& text, const std::vector<std::string>& dangers,
                  const base::Origin* origin) {
  Line lead = {{dangers.empty() ? "  " : std::string(page_.danger_mark()) + " ", Role::danger}};
  lead.insert(lead.end(), label.begin(), label.end());
  page_.put(lead, text_column(), text);
  for (const auto& reason : dangers) page_.put({}, text_column(), {{reason, Role::danger}});
  dangers_ += dangers.empty() ? 0 : 1;
  if (origin) because(*origin);
}

void Audit::because(const base::Origin& origin) {
  if (!page_.style().explain) return;
  const std::string from = kind_name(origin.kind) + (origin.source.empty() ? "" : ": " + origin.source);
  const std::string text = origin.reason.empty() ? from : origin.reason + " (" + from + ")";
  page_.put({}, text_column() + 2, {{text, Role::dim}});
}

std::string Audit::path(const std::string& absolute) const {
  return in_list(base::with_tilde(absolute, plan_.user_home));
}

std::string Audit::project_path(const std::string& absolute) const {
  if (absolute == plan_.project.root || !base::is_within(absolute, plan_.project.root)) return path(absolute);
  return in_list(base::relative_to(absolute, plan_.project.root));
}

Line Audit::profiles() const {
  Line out;
  for (const auto& file : plan_.files) {
    out.push_back({(out.empty() ? "" : "  ") + file.name});
    if (file.waits) out.push_back({" (in part)", Role::warning});
  }
  return out;
}

void Audit::title() {
  const std::size_t room = kCommandLines * (page_.width() - text_column());
  const std::string command =
      page_.style().verbose ? plan_.command.display : page_.elide(plan_.command.display, room);
  page_.put({{"claudebox", Role::strong}}, text_column(), {{command, Role::strong}});

  Line project = {{path(plan_.project.root)}};
  if (plan_.project.read_only) project.push_back({"  read-only", Role::dim});
  fact("project", project);
  because(plan_.project.origin);
  if (plan_.project.directory != plan_.project.root)
    fact("starts in", {{project_path(plan_.project.directory)}});
  Line instance = {{plan_.instance.id}};
  if (plan_.instance.share) instance.push_back({"  shared with a box that is running", Role::warning});
  fact("instance", instance);
  if (page_.style().explain)
    page_.put({}, text_column() + 2, {{"kept in " + path(plan_.instance.directory), Role::dim}});
  if (plan_.agent != plan::Plan{}.agent) fact("agent", {{plan_.agent}});
  if (!plan_.files.empty()) fact("profile", profiles());
  fact("runs as", {{plan_.user + " (uid " + std::to_string(plan_.uid) + ")",
                    plan_.uid == 0 ? Role::warning : Role::plain},
                   {plan_.nested ? "" : ", without nested sandboxes"}});
}

void Audit::notes() {
  if (plan_.notes.empty()) return;
  heading("notes", {});
  for (const auto level : {Note::Level::danger, Note::Level::warning, Note::Level::info}) {
    const Role role = level == Note::Level::danger    ? Role::danger
                      : level == Note::Level::warning ? Role::warning
                                                      : Role::plain;
    for (const auto& note : plan_.notes) {
      if (note.level != level) continue;
      dangers_ += level == Note::Level::danger ? 1 : 0;
      const std::string_view mark = level == Note::Level::danger    ? page_.danger_mark()
                                    : level == Note::Level::warning ? page_.warning_mark()
                                                                    : "";
      page_.put({{std::string(mark), role}}, 2, {{note.text, role}});
      because(note.origin);
    }
  }
}

void Audit::verdict() {
  if (dangers_ == 0) return;
  page_.blank();
  const std::string text = dangers_ == 1
                               ? "1 grant gives away more than a box needs"
                               : std::to_string(dangers_) + " grants give away more than a box needs";
  page_.put({{std::string(page_.danger_mark()), Role::danger}}, 2, {{text, Role::danger}});
}

void Audit::all() {
  title();
  limits();
  login();
  packages();
  network();
  files();
  guards();
  environment();
  notes();
  verdict();
}

std::string audit(const plan::Plan& plan, const Style& style) {
  Page page(style, secrets_of(plan));
  Audit(plan, page).all();
  return page.take();
}

}  // namespace claudebox::render
