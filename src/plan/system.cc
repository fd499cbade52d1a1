#include <array>

#include "base/path.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

const base::Origin kSystem{base::Origin::Kind::builtin, "system", "programs and libraries, read-only"};
const base::Origin kEmpty{base::Origin::Kind::builtin, "system", "private to the box, gone when it ends"};

/// "/bin" and the like: the link on a merged-usr host, the directory itself elsewhere.
void add_root_entry(const sys::HostView& host, Plan& plan, const std::string& path) {
  const auto info = host.lstat(path);
  if (info.kind == sys::FileKind::symlink) {
    const auto target = host.read_link(path);
    if (target)
      plan.mounts.push_back(
          {.kind = Mount::Kind::symlink, .target = path, .source = *target, .origin = kSystem});
  } else if (info.kind == sys::FileKind::directory) {
    plan.mounts.push_back(
        {.kind = Mount::Kind::read_only, .target = path, .source = path, .origin = kSystem});
  }
}

/// NixOS keeps programs in /nix/store, and /run/current-system links to those of the running system. The link
/// is kept as a link, so that it means what it means on the host at the start.
void add_nixos(const sys::HostView& host, Plan& plan) {
  const base::Origin origin{base::Origin::Kind::detected, "/run/current-system",
                            "NixOS keeps its programs there"};
  plan.mounts.push_back(
      {.kind = Mount::Kind::read_only, .target = "/nix/store", .source = "/nix/store", .origin = origin});
  for (const std::string link : {"/run/current-system", "/run/opengl-driver"})
    if (const auto real = host.real_path(link); real && base::is_within(*real, "/nix/store"))
      plan.mounts.push_back(
          {.kind = Mount::Kind::symlink, .target = link, .source = *real, .origin = origin});
}

}  // namespace

void plan_system(const sys::HostView& host, Plan& plan) {
  for (const std::string path : {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"})
    add_root_entry(host, plan, path);
  if (host.real_path("/run/current-system") && host.stat("/nix/store").kind == sys::FileKind::directory)
    add_nixos(host, plan);

  plan.mounts.push_back({.kind = Mount::Kind::proc, .target = "/proc", .origin = kEmpty});
  plan.mounts.push_back({.kind = Mount::Kind::dev, .target = "/dev", .origin = kEmpty});
  for (const std::string path : {"/tmp", "/var/tmp", "/dev/shm"})
    plan.mounts.push_back({.kind = Mount::Kind::tmpfs, .target = path, .mode = 01777, .origin = kEmpty});
  plan.mounts.push_back({.kind = Mount::Kind::tmpfs, .target = "/run", .mode = 0755, .origin = kEmpty});

  if (plan.uid == 0) {
    // The kernel guards these files by uid 0, not by a capability: core_pattern would be the host's root.
    plan.mounts.push_back({.kind = Mount::Kind::read_only,
                           .target = "/proc/sys",
                           .source = "/proc/sys",
                           .purpose = Purpose::protection,
                           .origin = {base::Origin::Kind::detected, "uid 0",
                                      "the kernel lets uid 0 write there without any capability"}});
  }
}

}  // namespace claudebox::plan
