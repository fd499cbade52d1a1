// Packages and dev shells resolved by Nix, before a box starts.
#pragma once

#include <functional>
#include <string>

#include "plan/plan.h"

namespace claudebox::packages {

/// Who is told how it goes. All may be empty.
struct Listener {
  std::function<void(const plan::Package& package)> begin{};
  std::function<void(const std::string& status)>
      progress{};  ///< a line, some times a second; of others: escape it
  std::function<void(const plan::Package& package)> end{};
  std::function<void(const std::string& text)> note{};
  /// The files that a local flake's first evaluation has read, as plan::flake_text has them: what its approval is for.
  std::function<void(const std::string& directory, const std::string& text)> approve{};
  /// It read others than were approved: the approval is for a set of files that is not right any more.
  std::function<void(const std::string& directory)> forget{};
};

/// Resolves what is not yet, or with `anew` everything, one package after the other: each is rooted by the call that builds
/// it and then written down in its record. Another process that resolves the same is waited for. Blocks until it is done,
/// with the signals of a box's supervisor. Throws base::Error with nix's own words where it fails; no record, no root and no
/// copy of the failed one stays then. Gives 0, or the signal that stopped it.
int resolve(const plan::Plan& plan, const Listener& listener, bool anew = false);

}  // namespace claudebox::packages
