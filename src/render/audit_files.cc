// The audit's files: what is mounted, and what guards the host against what is in the project.
#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/path.h"
#include "base/text.h"
#include "render/sections.h"
#include "render/sensitive.h"

namespace claudebox::render {
namespace {

using plan::Mount;
using plan::Purpose;

bool is_home(const plan::Plan& plan, const Mount& mount) {
  return mount.target == plan.user_home && mount.purpose == Purpose::home && mount.is_bind();
}

/// Between the project and a protected path: a directory bound on itself, so that it can't be renamed away.
bool is_pin(const Mount& mount) {
  return mount.purpose == Purpose::protection && mount.kind == Mount::Kind::writable &&
         mount.source == mount.target;
}

/// What deserves a line of its own: what may be written, what was asked for, and what is dangerous.
bool is_prominent(const plan::Plan& plan, const Mount& mount) {
  if (is_pin(mount)) return false;
  if (mount.kind == Mount::Kind::writable || mount.purpose == Purpose::extra) return true;
  return mount.purpose == Purpose::project || !mount_dangers(plan, mount).empty();
}

/// Private to the box and gone with it.
bool is_scratch(const Mount& mount) {
  return mount.kind == Mount::Kind::tmpfs || mount.kind == Mount::Kind::directory ||
         mount.kind == Mount::Kind::proc || mount.kind == Mount::Kind::dev ||
         mount.kind == Mount::Kind::login;
}

std::string label_of(const plan::Plan& plan, const Mount& mount) {
  switch (mount.purpose) {
    case Purpose::project:
      return mount.target == plan.project.root ? "project" : "git";
    case Purpose::packages:
      return "packages";
    case Purpose::extra:
      return "extra";
    case Purpose::agent:
      return "agent";
    case Purpose::login:
      return "login";
    case Purpose::home:
      return is_home(plan, mount) ? "home" : "tools";
    case Purpose::protection:
      return "locked";
    case Purpose::system:
      return "system";
  }
  return {};
}

/// The project first, then its git directory, the home, what claudebox found, what was asked for.
int rank_of(const plan::Plan& plan, const Mount& mount) {
  if (mount.target == plan.project.root) return 0;
  if (mount.purpose == Purpose::project) return 1;
  if (is_home(plan, mount)) return 2;
  return mount.purpose == Purpose::extra ? 4 : 3;
}

Line label_line(bool writable, Role mode, const std::string& label) {
  return {{writable ? "rw" : "ro", mode}, {" "}, {label, Role::dim}};
}

}  // namespace

std::string Audit::shown(const Mount& mount) const {
  const std::string arrow = " " + std::string(page_.arrow()) + " ";
  if (mount.kind == Mount::Kind::symlink) return path(mount.target) + arrow + path(mount.source);
  if (mount.is_bind() && mount.source != mount.target && !is_home(plan_, mount))
    return path(mount.source) + arrow + path(mount.target);
  return mount.purpose == Purpose::protection ? project_path(mount.target) : path(mount.target);
}

void Audit::mount(const Mount& mount, const std::string& label) {
  const auto dangers = mount_dangers(plan_, mount);
  const bool writable = mount.kind == Mount::Kind::writable || is_scratch(mount);
  const bool outside =
      mount.kind == Mount::Kind::writable && mount.purpose == Purpose::extra && !dangers.empty();
  const Role mode = outside ? Role::danger : writable ? Role::warning : Role::good;
  Line text = {{shown(mount), dangers.empty() ? Role::plain : Role::danger}};
  if (mount.kind == Mount::Kind::store)
    text.push_back({"  " + std::to_string(mount.names.size()) + " paths of it", Role::dim});
  if (is_home(plan_, mount)) text.push_back({"  the box's own, kept for this project", Role::dim});
  grant(label_line(writable, mode, label), text, dangers, &mount.origin);
}

void Audit::mounts(const std::string& label, const std::vector<const Mount*>& list) {
  if (page_.style().verbose) {
    for (const auto* each : list) mount(*each, label);
    return;
  }
  // One line for all of them; with the reasons, one for each reason.
  const bool explain = page_.style().explain;
  for (std::size_t begin = 0, end = 0; begin < list.size(); begin = end) {
    Line line;
    for (; end < list.size() && (!explain || list[end]->origin == list[begin]->origin); ++end)
      line.push_back({(line.empty() ? "" : "  ") + shown(*list[end])});
    grant(label_line(is_scratch(*list[begin]), Role::good, label), line, {}, &list[begin]->origin);
  }
}

void Audit::system_files() {
  std::vector<const Mount*> all;
  for (const auto& each : plan_.mounts)
    if (each.purpose == Purpose::system && !is_prominent(plan_, each)) all.push_back(&each);
  if (all.empty()) return;
  if (one_by_one()) {
    std::sort(all.begin(), all.end(), [](const Mount* a, const Mount* b) {
      return std::tuple(is_scratch(*a), std::string_view(a->origin.reason), a) <
             std::tuple(is_scratch(*b), std::string_view(b->origin.reason), b);
    });
    const auto scratch =
        std::find_if(all.begin(), all.end(), [](const Mount* each) { return is_scratch(*each); });
    mounts("system", {all.begin(), scratch});
    mounts("scratch", {scratch, all.end()});
    return;
  }
  std::vector<std::string> places;
  Line scratch;
  std::size_t in_etc = 0;
  for (const auto* each : all) {
    if (is_scratch(*each)) {
      scratch.push_back({(scratch.empty() ? "" : "  ") + path(each->target)});
      continue;
    }
    if (each->kind == Mount::Kind::symlink && each->target.rfind('/') == 0) continue;  // /bin leads into /usr
    const bool etc = base::is_within(each->target, "/etc");
    in_etc += etc ? 1 : 0;
    const std::string place = etc ? "/etc" : path(each->target);
    if (std::find(places.begin(), places.end(), place) == places.end()) places.push_back(place);
  }
  Line line;
  for (const auto& place : places) {
    line.push_back({(line.empty() ? "" : "  ") + place});
    if (place == "/etc") line.push_back({" (" + std::to_string(in_etc) + " chosen)", Role::dim});
  }
  if (!line.empty()) grant(label_line(false, Role::good, "system"), line, {}, nullptr);
  if (scratch.empty()) return;
  scratch.push_back({"  the box's own, gone at the end", Role::dim});
  grant(label_line(true, Role::good, "scratch"), scratch, {}, nullptr);
}

void Audit::files() {
  heading("files", {{"what is not listed is not there", Role::dim}});
  std::vector<const Mount*> prominent;
  std::vector<const Mount*> agent;
  std::vector<const Mount*> tools;
  for (const auto& each : plan_.mounts) {
    if (is_prominent(plan_, each)) {
      prominent.push_back(&each);
    } else if (each.purpose == Purpose::agent) {
      agent.push_back(&each);
    } else if (each.purpose == Purpose::home) {
      tools.push_back(&each);
    }
  }
  std::sort(prominent.begin(), prominent.end(), [&](const Mount* a, const Mount* b) {
    return std::pair(rank_of(plan_, *a), a) < std::pair(rank_of(plan_, *b), b);  // else in the plan's order
  });
  for (const auto* each : prominent) mount(*each, label_of(plan_, *each));
  mounts("agent", agent);
  mounts("tools", tools);
  system_files();
}

void Audit::names(const std::string& label, const std::vector<std::string>& list) {
  if (list.empty()) return;
  Line line;
  for (const auto& name : list) line.push_back({(line.empty() ? "" : "  ") + name});
  grant({{"   "}, {label, Role::dim}}, line, {}, nullptr);
}

void Audit::guards() {
  std::vector<const Mount*> locked;
  std::vector<const Mount*> emptied;
  std::vector<std::string> pinned;
  for (const auto& each : plan_.mounts) {
    if (each.purpose != Purpose::protection || is_prominent(plan_, each)) continue;
    if (is_pin(each)) {
      pinned.push_back(project_path(each.target));
    } else {
      (each.is_bind() ? locked : emptied).push_back(&each);
    }
  }
  std::vector<std::string> inert;
  for (const auto& stub : plan_.stubs) inert.push_back(project_path(stub.path));
  std::vector<std::string> watched;
  for (const auto& watch : plan_.watches)
    watched.push_back(project_path(base::path_join(watch.directory, watch.name)));
  std::vector<std::string> compared;
  for (const auto& sweep : plan_.sweeps) compared.push_back(project_path(sweep.path));
  if (locked.empty() && emptied.empty() && pinned.empty() && inert.empty() && watched.empty() &&
      compared.empty())
    return;

  heading("guards", {{"against what would act on your host", Role::dim}});
  mounts("locked", locked);
  mounts("emptied", emptied);
  names("inert", inert);
  if (one_by_one()) {
    names("pinned", pinned);
    names("watched", watched);
    names("checked", compared);
    return;
  }
  const auto counted = [](const std::vector<std::string>& list, const std::string& what) {
    return list.empty() ? std::vector<std::string>()
                        : std::vector<std::string>{std::to_string(list.size()) +
                                                   (list.size() == 1 ? " name, " : " names, ") + what};
  };
  names("watched", counted(watched, "the box ends if one appears or is replaced"));
  names("checked", counted(compared, "reported at the end where new or changed"));
}

}  // namespace claudebox::render
