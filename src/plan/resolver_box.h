// The boxes that Nix works in when packages are resolved.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "plan/plan.h"
#include "sys/host_view.h"

namespace claudebox::plan {

/// How Nix is installed here.
enum class NixStore {
  daemon,       ///< a socket that everybody may use
  single_user,  ///< /nix is this user's own
  none,         ///< there is neither; it is said to be so
};
NixStore nix_store(const sys::HostView& host);

/// The directory in a box that a copied flake is seen at.
inline constexpr const char* kFlakePlace = "/flake";

enum class CopyStep {
  files,       ///< what belongs to the flake, into an empty directory
  repository,  ///< the copy becomes a repository of its own, for a flake that lies below the top of one
};

/// A box without network and without Nix that copies what belongs to a local flake into `destination`, a directory of ours:
/// what git tracks, or everything where there is no git. Git reads the project's configuration in there, and may run what
/// that names: nothing is in reach of it.
std::optional<Plan> copy_box(const Package& package, CopyStep step, const std::string& destination,
                             const sys::HostView& host, base::Diagnostics& problems);

/// What is to be done by a program of Nix, in a box that has the store, the package's record directory, a cache and the
/// internet, and nothing else of the user's.
struct NixTask {
  std::string program{};  ///< "nix", "nix-store"
  std::vector<std::string> arguments{};
  std::string flake{};  ///< the copy of a local flake, seen at kFlakePlace; empty: none
  std::string cache{};  ///< a directory of ours, for downloads and evaluations
  bool network = true;
};
std::optional<Plan> nix_box(const Package& package, const NixTask& task, const sys::HostView& host,
                            base::Diagnostics& problems);

}  // namespace claudebox::plan
