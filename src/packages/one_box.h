// One box that git or Nix works in, from its plan to what came out of it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/diagnostics.h"
#include "packages/nix_log.h"
#include "plan/plan.h"

namespace claudebox::packages {

/// Thrown: Ctrl-C, or another request to stop.
struct Cancelled {
  int signal = 0;
};

/// What a command printed, at most 64 MiB of each, and its exit status. Its errors went into the log where there was one.
struct Answer {
  int status = 0;
  std::string output{};
  std::string errors{};
};

/// Runs the box to its end. Without a plan, `problems` say why. `progress` gets a line when what it says changes, else ten
/// times a second at most. Throws Cancelled, and base::Error where the box could not be made or was ended from outside.
Answer run_box(const std::optional<plan::Plan>& box, const base::Diagnostics& problems, NixLog* log = nullptr,
               const std::function<void(const std::string& status)>& progress = {});

}  // namespace claudebox::packages
