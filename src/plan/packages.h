// Packages and dev shells of Nix in a plan.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "plan/package_record.h"
#include "plan/plan.h"
#include "plan/request.h"
#include "sys/host_view.h"

namespace claudebox::plan {

/// A local flake that a request names: what has to be approved before Nix evaluates it.
struct LocalFlake {
  std::string directory{};  ///< canonical; flake.nix is in it
  std::string root{};       ///< of the work tree around it, else the directory: where its files' names start
  std::vector<std::string> git_directories{};  ///< what git keeps outside of `root`
  bool in_git = false;
  base::Origin origin{};
};
/// Those of the request, each directory once. What is none is a problem.
std::vector<LocalFlake> local_flakes(const Request& request, const sys::HostView& host,
                                     base::Diagnostics& problems);

/// PKG-1, PKG-2: what was asked for, with what it came to where that still holds. Adds the closure as a mount, unless the
/// box has the whole store. Runs nothing: what is not resolved is so after `packages::resolve`.
void plan_packages(const Request& request, const sys::HostView& host, Plan& plan,
                   base::Diagnostics& problems);

/// The record in the directory `entry`, where it is the user's own and nobody else may write it.
std::optional<PackageRecord> package_record(const sys::HostView& host, const std::string& entry);

/// Whether the record of one is there and holds, as `host` sees it now.
bool has_record(const Package& package, const sys::HostView& host);

/// Whether everything that was asked for is there.
bool packages_resolved(const Plan& plan);

/// STATE_ROOT/packages
std::string packages_directory(const sys::HostView& host);

}  // namespace claudebox::plan
