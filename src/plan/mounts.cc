#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/path.h"
#include "base/text.h"
#include "plan/box_view.h"
#include "plan/look_inside.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

using base::ExitCode;

/// Which mount wins where two have the same target: the higher. A cover wins over everything.
int precedence(const Mount& mount) {
  switch (mount.purpose) {
    case Purpose::protection:
      return mount.kind == Mount::Kind::writable ? 5 : 6;  // a pin gives way to a cover
    case Purpose::packages:
    case Purpose::extra:
      return 4;
    case Purpose::project:
      return 3;
    case Purpose::agent:
    case Purpose::login:
      return 2;
    case Purpose::home:
      return 1;
    case Purpose::system:
      return 0;
  }
  return 0;
}

std::size_t depth(const std::string& path) {
  return path == "/" ? 0 : static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
}

/// Mounts by their targets, to find the one around a path without a look at every other.
class ByTarget {
 public:
  void add(const Mount& mount) { mounts_[mount.target] = &mount; }
  /// The innermost mount that `target` lies below, or null.
  const Mount* around(const std::string& target) const {
    for (std::string at = target; at.size() > 1;) {
      at = base::parent_of(at);
      if (const auto found = mounts_.find(at); found != mounts_.end()) return found->second;
    }
    return nullptr;
  }

 private:
  std::unordered_map<std::string, const Mount*> mounts_;
};

/// A read-only bind that shows what the mount around it shows anyway.
bool is_redundant(const Mount& mount, const Mount* parent) {
  return mount.kind == Mount::Kind::read_only && mount.source == mount.target && parent &&
         parent->kind == Mount::Kind::read_only && parent->source == parent->target;
}

/// Why nothing may be mounted at `target`; empty where it may.
std::string refused_target(const Plan& plan, const std::string& target) {
  if (target == "/") return "it would replace the whole box";
  if (target == plan.user_home) return "it would replace the box's home";
  for (const std::string_view system : {"/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64"})
    if (target == system) return "it would replace the system that the box runs on";
  for (const std::string tree : {"/proc", "/dev", "/sys"})
    if (base::is_within(target, tree)) return "the kernel's own file systems are fixed";
  if (base::is_within(plan.project.root, target) && target != plan.project.root)
    return "it would hide the project";
  for (const auto& mount : plan.mounts)
    if (mount.purpose == Purpose::protection && mount.kind != Mount::Kind::writable &&
        (base::is_within(mount.target, target) || base::is_within(target, mount.target)))
      return "it would lift the protection of " + mount.target;
  return {};
}

}  // namespace

void plan_extra_mounts(const Request& request, const sys::HostView& host, Plan& plan,
                       base::Diagnostics& problems) {
  LookBudget look;
  for (const auto& wish : request.mounts) {
    const std::string typed = expand_path(host, wish.source);
    const auto source = host.real_path(typed);
    if (!source) {
      problems.add("mount source is not there: " + typed, "create it, or leave out " + wish.origin.source,
                   ExitCode::setup);
      continue;
    }
    const auto kind = host.stat(*source).kind;
    if (kind != sys::FileKind::directory && kind != sys::FileKind::file && kind != sys::FileKind::socket) {
      problems.add("can't mount " + *source + ": it is neither a directory, a file nor a socket",
                   "devices and FIFOs don't work across a box's mounts", ExitCode::setup);
      continue;
    }
    if (leads_to_nix_daemon(*source)) {
      problems.add("can't mount " + *source + ": the socket of the Nix daemon is in it",
                   "--nix-daemon grants it, and says what it means");
      continue;
    }
    const std::string target =
        base::normalize(expand_path(host, wish.target.empty() ? wish.source : wish.target));
    if (const std::string why = refused_target(plan, target); !why.empty()) {
      problems.add("can't mount on " + target + ": " + why, "give another place: --mount SRC:DST");
      continue;
    }
    plan.mounts.push_back({.kind = wish.writable ? Mount::Kind::writable : Mount::Kind::read_only,
                           .target = target,
                           .source = *source,
                           .purpose = Purpose::extra,
                           .origin = wish.origin,
                           .inside = secrets_inside(host, *source, look)});
  }
}

void arrange_mounts(const sys::HostView& host, Plan& plan, base::Diagnostics& problems) {
  std::stable_sort(plan.mounts.begin(), plan.mounts.end(), [](const Mount& a, const Mount& b) {
    return std::tuple(depth(a.target), std::cref(a.target).get(), -precedence(a)) <
           std::tuple(depth(b.target), std::cref(b.target).get(), -precedence(b));
  });
  std::vector<Mount> arranged;
  arranged.reserve(plan.mounts.size());  // pointers into it stay good
  ByTarget before;
  for (auto& mount : plan.mounts) {
    if (!arranged.empty() && arranged.back().target == mount.target) {
      if (mount.purpose == Purpose::extra && arranged.back().purpose == Purpose::extra &&
          (mount.source != arranged.back().source || mount.kind != arranged.back().kind))
        problems.add("two mounts on " + mount.target,
                     "keep one of " + arranged.back().origin.source + " and " + mount.origin.source);
      continue;
    }
    if (is_redundant(mount, before.around(mount.target))) continue;
    arranged.push_back(std::move(mount));
    before.add(arranged.back());
  }
  plan.mounts = std::move(arranged);  // its elements stay where they are

  // bwrap makes missing mount points: not in a read-only directory, and not on the host for what the box has anyway.
  for (const auto& mount : plan.mounts) {
    const Mount* parent = before.around(mount.target);
    const bool asked = mount.purpose == Purpose::extra;
    if (!parent || !parent->is_bind() || (!asked && parent->purpose != Purpose::extra)) continue;
    if (asked && parent->kind != Mount::Kind::read_only) continue;
    if (host.lstat(base::path_join(parent->source, base::relative_to(mount.target, parent->target))).exists())
      continue;
    const std::string hint = "give another place: --mount SRC:DST";
    if (asked) {
      problems.add(
          "can't mount on " + mount.target + ": " + parent->target + " is read-only and has no such name",
          hint, ExitCode::setup);
    } else {
      problems.add("can't mount on " + parent->target + ": the box needs " + mount.target + ", and " +
                       parent->source + " has no such name",
                   hint, ExitCode::setup);
    }
  }
}

}  // namespace claudebox::plan
