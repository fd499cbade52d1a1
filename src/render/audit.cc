#include "render/audit.h"

#include <algorithm>

#include "base/path.h"
#include "base/text.h"
#include "render/sections.h"
#include "render/sensitive.h"

namespace claudebox::render {
namespace {

using plan::Note;
using plan::Tier;

constexpr std::size_t kFactColumn = 13;
constexpr std::size_t kTextColumn = 6;

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

std::string reach_of(const plan::Plan& plan) {
  switch (plan.network.value) {
    case Tier::full:
      return std::string(
                 "everything this host reaches: the internet, the LAN, VPNs, services on the host's own "
                 "loopback, cloud metadata") +
             (plan.scope_abstract_sockets ? "" : ", and the host's abstract sockets");
    case Tier::internet:
      return "public addresses only: not the LAN, not this host's services, not cloud metadata";
    case Tier::allowlist:
      return "the names granted, and nothing else";
    case Tier::offline:
      return "nothing but the box's own loopback";
  }
  return {};
}

Role color_of(Tier tier) {
  return tier == Tier::full ? Role::warning : Role::good;
}

}  // namespace

void Audit::heading(const std::string& name, const Line& aside) {
  page_.blank();
  Line line = {{name, Role::strong}};
  if (!aside.empty()) line.push_back({"  "});
  line.insert(line.end(), aside.begin(), aside.end());
  page_.put({}, 0, line);
}

void Audit::fact(const std::string& label, const Line& text) {
  page_.put({{"  "}, {label, Role::dim}}, kFactColumn, text);
}

void Audit::danger(const std::string& reason) {
  ++dangers_;
  const std::string mark(page_.danger_mark());
  page_.put({{"      "}, {mark + " ", Role::danger}}, kTextColumn + page_.columns(mark) + 1,
            {{reason, Role::danger}});
}

void Audit::because(const base::Origin& origin) {
  if (!page_.style().explain) return;
  const std::string from = kind_name(origin.kind) + (origin.source.empty() ? "" : ": " + origin.source);
  const std::string text = origin.reason.empty() ? from : origin.reason + " (" + from + ")";
  page_.put({{"        "}}, 8, {{text, Role::dim}});
}

std::string Audit::path(const std::string& absolute) const {
  const std::string text = base::with_tilde(absolute, plan_.user_home);
  return text.find(' ') == std::string::npos ? text : "\"" + text + "\"";
}

std::string Audit::project_path(const std::string& absolute) const {
  if (absolute == plan_.project.root || !base::is_within(absolute, plan_.project.root)) return path(absolute);
  const std::string text = base::relative_to(absolute, plan_.project.root);
  return text.find(' ') == std::string::npos ? text : "\"" + text + "\"";
}

void Audit::title() {
  const std::size_t room = kCommandLines * (page_.width() - 11);
  const std::string command =
      page_.style().verbose ? plan_.command.display : page_.elide(plan_.command.display, room);
  page_.put({{"claudebox", Role::strong}}, 11, {{command, Role::strong}});

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
    page_.put({{"        "}}, 8,
              {{"its home and history are kept in " + path(plan_.instance.directory), Role::dim}});
  fact("runs as",
       {{plan_.user + " (" + std::to_string(plan_.uid) + ")", plan_.uid == 0 ? Role::warning : Role::plain},
        {plan_.nested ? "" : ", without nested sandboxes"}});
}

void Audit::network() {
  heading("network", {{plan::tier_name(plan_.network.value), color_of(plan_.network.value)}});
  because(plan_.network.origin);
  fact("reaches", {{reach_of(plan_)}});
  if (plan_.network.value == Tier::full && plan_.scope_abstract_sockets)
    fact("not", {{"the host's abstract sockets"}});
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
      if (level == Note::Level::danger) ++dangers_;
      const std::string mark(level == Note::Level::danger ? page_.danger_mark() : page_.dot());
      page_.put({{"  "}, {mark, role}}, 4, {{note.text, role}});
      because(note.origin);
    }
  }
}

void Audit::verdict() {
  if (dangers_ == 0) return;
  page_.blank();
  page_.put({{std::string(page_.danger_mark()) + " ", Role::danger}}, page_.columns(page_.danger_mark()) + 1,
            {{dangers_ == 1 ? std::string("one grant above gives away more than a box needs")
                            : std::to_string(dangers_) + " grants above give away more than a box needs",
              Role::danger}});
}

std::string audit(const plan::Plan& plan, const Style& style) {
  Page page(style, secrets_of(plan));
  Audit parts(plan, page);
  parts.title();
  parts.network();
  parts.files();
  parts.guards();
  parts.environment();
  parts.notes();
  parts.verdict();
  return page.take();
}

std::string audit_unchanged(const plan::Plan& plan, const Style& style) {
  Page page(style, secrets_of(plan));
  const std::string tier = plan::tier_name(plan.network.value);
  const std::string tail = " " + std::string(page.dot()) + " as approved";
  const std::string network = std::string(page.dot()) + " network ";
  // One line whatever the width: the project's path gives way first, then the command's length.
  const std::size_t fixed = 11 + page.columns(network + tier + tail) + 5;
  const std::size_t room = page.width() > fixed + 8 ? page.width() - fixed : 8;
  const std::string command = page.elide(plan.command.display, room / 2);
  const std::string project =
      page.elide(base::with_tilde(plan.project.root, plan.user_home), room - page.columns(command));
  page.put({{"claudebox", Role::strong},
            {"  " + command + " in " + project + " "},
            {network, Role::dim},
            {tier, color_of(plan.network.value)},
            {tail, Role::dim}});
  return page.take();
}

}  // namespace claudebox::render
