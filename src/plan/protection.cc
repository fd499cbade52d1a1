#include "plan/protection.h"

#include <algorithm>

#include "base/path.h"

namespace claudebox::plan {

using sys::FileKind;

namespace {
constexpr std::size_t kLargestStub = 4096;
}

Protection::Protection(const sys::HostView& host, Plan& plan, std::string source)
    : host_(host), plan_(plan), source_(std::move(source)), areas_{plan.project.root} {
  for (std::size_t i = 0; i < plan.mounts.size(); ++i) {
    const Mount& mount = plan.mounts[i];
    if (mount.purpose != Purpose::project && mount.purpose != Purpose::protection) continue;
    index_[mount.target] = i;
    if (mount.purpose == Purpose::project && mount.kind == Mount::Kind::writable)
      areas_.push_back(mount.target);
  }
}

std::string Protection::area_of(const std::string& path) const {
  std::string nearest;
  for (const auto& area : areas_)
    if (base::is_within(path, area) && area.size() > nearest.size()) nearest = area;
  return nearest;
}

base::Origin Protection::origin(const std::string& reason) const {
  return {base::Origin::Kind::builtin, source_, reason};
}

Mount* Protection::planned(const std::string& target) {
  const auto found = index_.find(target);
  return found == index_.end() ? nullptr : &plan_.mounts[found->second];
}

void Protection::add(Mount::Kind kind, const std::string& target, const std::string& reason) {
  index_[target] = plan_.mounts.size();
  plan_.mounts.push_back({.kind = kind,
                          .target = target,
                          .source = target,
                          .purpose = Purpose::protection,
                          .origin = origin(reason)});
}

bool Protection::is_covered(const std::string& path) const {
  for (std::string at = path; at != "/"; at = base::parent_of(at))
    if (const auto found = index_.find(at); found != index_.end())
      return plan_.mounts[found->second].kind == Mount::Kind::read_only;
  return false;
}

void Protection::pin(const std::string& directory) {
  if (directory == plan_.project.root || planned(directory)) return;
  add(Mount::Kind::writable, directory, "so that it can't be renamed away and made anew");
}

void Protection::pin_way_to(const std::string& directory) {
  const std::string area = area_of(directory);
  if (area.empty()) return;
  for (const auto& step : base::ancestors_and_self(directory))
    if (step != area && base::is_within(step, area)) pin(step);
}

void Protection::cover(const std::string& path, const std::string& reason) {
  Mount* mount = planned(path);
  if (!mount) return add(Mount::Kind::read_only, path, reason);
  if (mount->kind == Mount::Kind::read_only) return;
  mount->kind = Mount::Kind::read_only;  // a pin, or a git directory beside the project
  mount->purpose = Purpose::protection;
  mount->origin = origin(reason);
}

void Protection::watch(const std::string& path, Watch::Response response, const std::string& reason) {
  const Watch added{base::parent_of(path), base::base_name(path), response, reason};
  if (std::find(plan_.watches.begin(), plan_.watches.end(), added) == plan_.watches.end())
    plan_.watches.push_back(added);
}

void Protection::hold(const std::string& path, const std::string& reason) {
  cover(path, reason);
  watch(path, Watch::Response::end, reason);
}

void Protection::watch_kept(const std::string& path, const std::string& reason) {
  watch(path, Watch::Response::end, reason);
}

void Protection::hold_stub(const std::string& path, Stub::Kind kind, const std::string& content,
                           const std::string& reason) {
  // One that a killed box left, or that another box on the same repository uses, is shared and taken over. One look
  // answers, since that box may make it or take it away meanwhile.
  bool ours = false;
  if (kind == Stub::Kind::file) {
    const auto file = host_.open_file(path, kLargestStub);
    ours = file.info.kind == FileKind::missing ||
           (file.info.kind == FileKind::file && !file.too_large && file.content == content);
  } else {
    // Of empty directories only `remotes` is surely ours: git's templates bring the others.
    ours = host_.lstat(path).kind == FileKind::missing ||
           (base::base_name(path) == "remotes" && host_.list_directory(path, 1).empty());
  }
  if (ours) plan_.stubs.push_back({.kind = kind, .path = path, .content = content, .origin = origin(reason)});
  hold(path, reason);
}

void Protection::forbid(const std::string& path, const std::string& reason) {
  watch(path, Watch::Response::remove_and_end, reason);
}

bool Protection::cover_named(const std::string& path, const std::string& reason) {
  const auto real = host_.real_path(path);
  const std::string area = real ? area_of(*real) : std::string();
  if (!area_of(path).empty() && real != path) sweep(path, reason);
  if (area.empty()) return false;
  if (*real == area || base::is_within(plan_.project.root, *real)) {
    note(Note::Level::danger,
         path + " can't be made read-only, since the project lies in it (" + reason + ")");
    return true;
  }
  pin_way_to(base::parent_of(*real));
  cover(*real, reason);
  return true;
}

void Protection::sweep(const std::string& path, const std::string& reason) {
  const Sweep added{path, reason};
  if (std::find(plan_.sweeps.begin(), plan_.sweeps.end(), added) == plan_.sweeps.end())
    plan_.sweeps.push_back(added);
}

void Protection::note(Note::Level level, const std::string& text) {
  plan_.notes.push_back({level, text, origin("found in the project")});
}

}  // namespace claudebox::plan
