// What nix says when it fails, in words that help.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "plan/plan.h"

namespace claudebox::packages {

/// `said` is nix's error without colours, `lines` the last that a build printed. Places in the store's copy of a local flake
/// become its own files. Text of others is in it: escape it before a terminal sees it.
base::Error explain(const plan::Package& package, const std::string& said,
                    const std::vector<std::string>& lines);

}  // namespace claudebox::packages
