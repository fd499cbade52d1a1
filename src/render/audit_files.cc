// The audit's files: what is mounted, and what guards the host against what is in the project.
#include <algorithm>
#include <map>

#include "base/path.h"
#include "base/text.h"
#include "render/sections.h"
#include "render/sensitive.h"

namespace claudebox::render {
namespace {

using plan::Mount;
using plan::Purpose;

constexpr std::size_t kPathColumn = 6;

bool is_home(const plan::Plan& plan, const Mount& mount) {
  return mount.target == plan.user_home && mount.purpose == Purpose::home && mount.is_bind();
}

/// Between the project and a protected path: a directory bound on itself, so that it can't be renamed away.
bool is_pin(const Mount& mount) {
  return mount.purpose == Purpose::protection && mount.kind == Mount::Kind::writable &&
         mount.source == mount.target;
}

/// What deserves a line of its own: everything that may be written, and everything that was asked for.
bool is_grant(const plan::Plan& plan, const Mount& mount) {
  if (is_pin(mount)) return false;
  if (mount.kind == Mount::Kind::writable || mount.purpose == Purpose::extra) return true;
  return mount.purpose == Purpose::project || !mount_dangers(plan, mount).empty();
}

std::string remark_on(const plan::Plan& plan, const Mount& mount) {
  if (is_home(plan, mount)) return "the box's own home, kept";
  switch (mount.purpose) {
    case Purpose::project:
      return mount.target == plan.project.root ? "the project" : "its git directory";
    case Purpose::extra:
      return "extra";
    case Purpose::agent:
      return "the agent's";
    case Purpose::home:
      return "tools";
    case Purpose::protection:
      return "protected";
    case Purpose::system:
      return "system";
  }
  return {};
}

/// "/etc" for everything in it, else the path itself.
std::string summary_of(const std::string& target) {
  return base::is_within(target, "/etc") ? std::string("/etc") : target;
}

}  // namespace

void Audit::mount_row(const Mount& mount, std::size_t aside_column) {
  const bool writable = mount.kind == Mount::Kind::writable;
  const auto dangers = mount_dangers(plan_, mount);
  const Role role = !dangers.empty() ? Role::danger : Role::plain;
  const bool outside = writable && mount.purpose == Purpose::extra;
  Line what = {
      {path(mount.is_bind() && mount.source != mount.target && !is_home(plan_, mount) ? mount.source
                                                                                      : mount.target),
       role}};
  if (mount.is_bind() && mount.source != mount.target && !is_home(plan_, mount)) {
    what.push_back({" " + std::string(page_.arrow()) + " ", Role::dim});
    what.push_back({path(mount.target), role});
  }
  std::size_t used = 0;
  for (const auto& span : what) used += page_.columns(span.text);
  what.push_back({std::string(used < aside_column ? aside_column - used : 2, ' ')});
  what.push_back({remark_on(plan_, mount), Role::dim});
  const Role mode = outside ? Role::danger : writable ? Role::warning : Role::good;
  page_.put({{"  "}, {writable ? "rw" : "ro", mode}}, kPathColumn, what);
  for (const auto& reason : dangers) danger(reason);
  because(mount.origin);
}

void Audit::names(const std::string& label, const std::vector<std::string>& names,
                  const std::string& remark) {
  if (names.empty()) return;
  Line line = {{label, Role::dim}};
  for (const auto& name : names) line.push_back({" " + name});
  if (!remark.empty()) line.push_back({"  " + remark, Role::dim});
  page_.put({{"  "}}, kPathColumn, line);
}

void Audit::mount_list(const std::string& mode, const std::string& label,
                       const std::vector<const Mount*>& mounts) {
  if (mounts.empty()) return;
  const auto shown = [&](const Mount& mount) {
    if (mount.kind == Mount::Kind::symlink)
      return path(mount.target) + " " + std::string(page_.arrow()) + " " + path(mount.source);
    return project_path(mount.target);
  };
  if (page_.style().explain) {
    for (const auto* mount : mounts) {
      page_.put({{"  "}, {mode, Role::good}}, kPathColumn, {{shown(*mount)}, {"  " + label, Role::dim}});
      because(mount->origin);
    }
    return;
  }
  Line line = {{label, Role::dim}};
  for (const auto* mount : mounts) {
    line.push_back({"  "});
    line.push_back({shown(*mount)});
  }
  page_.put({{"  "}, {mode, Role::good}}, kPathColumn, line);
}

void Audit::system_files() {
  std::vector<const Mount*> all;
  for (const auto& mount : plan_.mounts)
    if (mount.purpose == Purpose::system && !is_grant(plan_, mount)) all.push_back(&mount);
  if (all.empty()) return;
  if (page_.style().verbose || page_.style().explain) {
    mount_list("ro", "system", all);
    return;
  }
  std::vector<std::string> places;
  std::vector<std::string> empty;
  std::size_t in_etc = 0;
  for (const auto* mount : all) {
    if (mount->kind == Mount::Kind::symlink && mount->target.find('/', 1) == std::string::npos)
      continue;  // /bin
    if (mount->kind == Mount::Kind::tmpfs || mount->kind == Mount::Kind::directory) {
      empty.push_back(path(mount->target));
      continue;
    }
    in_etc += base::is_within(mount->target, "/etc") ? 1 : 0;
    const std::string place = path(summary_of(mount->target));
    if (std::find(places.begin(), places.end(), place) == places.end()) places.push_back(place);
  }
  Line line = {{"system", Role::dim}};
  for (const auto& place : places) {
    line.push_back({"  " + place});
    if (place == "/etc") line.push_back({" (" + std::to_string(in_etc) + " chosen files)", Role::dim});
  }
  page_.put({{"  "}, {"ro", Role::good}}, kPathColumn, line);
  if (empty.empty()) return;
  Line gone = {{"empty, gone at the end", Role::dim}};
  for (const auto& place : empty) gone.push_back({"  " + place});
  page_.put({{"  "}, {"rw", Role::dim}}, kPathColumn, gone);
}

void Audit::files() {
  heading("files", {{"what is not listed is not there", Role::dim}});
  std::vector<const Mount*> grants;
  std::vector<const Mount*> agent;
  std::vector<const Mount*> tools;
  for (const auto& mount : plan_.mounts) {
    if (is_grant(plan_, mount)) {
      grants.push_back(&mount);
    } else if (mount.purpose == Purpose::agent) {
      agent.push_back(&mount);
    } else if (mount.purpose == Purpose::home) {
      tools.push_back(&mount);
    }
  }
  const auto rank = [&](const Mount* mount) {
    if (mount->target == plan_.project.root) return 0;
    if (mount->purpose == Purpose::project) return 1;
    if (is_home(plan_, *mount)) return 2;
    return mount->purpose == Purpose::extra ? 4 : 3;
  };
  std::stable_sort(grants.begin(), grants.end(),
                   [&](const Mount* a, const Mount* b) { return rank(a) < rank(b); });

  std::size_t widest = 0;
  for (const auto* mount : grants) widest = std::max(widest, page_.columns(path(mount->target)));
  const std::size_t limit = page_.wide() ? page_.width() / 2 : 0;
  for (const auto* mount : grants) mount_row(*mount, std::min(widest, limit) + 2);
  mount_list("ro", "agent", agent);
  mount_list("ro", "tools", tools);
  system_files();
}

void Audit::guards() {
  std::vector<const Mount*> covers;
  std::vector<const Mount*> hidden;
  std::vector<std::string> pins;
  for (const auto& mount : plan_.mounts) {
    if (mount.purpose != Purpose::protection) continue;
    if (is_pin(mount)) {
      pins.push_back(project_path(mount.target));
    } else if (mount.kind == Mount::Kind::read_only) {
      covers.push_back(&mount);
    } else {
      hidden.push_back(&mount);
    }
  }
  std::vector<std::string> inert;
  for (const auto& stub : plan_.stubs) inert.push_back(project_path(stub.path));
  std::vector<std::string> watched;
  for (const auto& watch : plan_.watches)
    watched.push_back(project_path(base::path_join(watch.directory, watch.name)));
  std::vector<std::string> swept;
  for (const auto& sweep : plan_.sweeps) swept.push_back(project_path(sweep.path));
  if (covers.empty() && hidden.empty() && pins.empty() && inert.empty() && watched.empty() && swept.empty())
    return;

  heading("guards", {{"what is in the project and later runs on your host", Role::dim}});
  mount_list("ro", "protected", covers);
  mount_list("ro", "hidden", hidden);
  const bool all = page_.style().verbose || page_.style().explain;
  const std::string watch_remark = "the box ends if it appears or changes";
  if (all) {
    names("can't be renamed:", pins, "");
    names("inert while the box lives:", inert, "");
    names("watched:", watched, watch_remark);
    names("compared at the end:", swept, "");
    return;
  }
  const auto count = [](const std::vector<std::string>& list) { return std::to_string(list.size()); };
  names("inert while the box lives:", inert, "");
  Line rest;
  if (!watched.empty())
    rest.push_back({count(watched) + (watched.size() == 1 ? " name" : " names") + " watched", Role::dim});
  if (!swept.empty())
    rest.push_back({(rest.empty() ? "" : ", ") + count(swept) + (swept.size() == 1 ? " name" : " names") +
                        " compared at the end",
                    Role::dim});
  if (!rest.empty()) page_.put({{"  "}}, kPathColumn, rest);
}

}  // namespace claudebox::render
