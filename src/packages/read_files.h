// Which of a local flake's files an evaluation has read.
#pragma once

#include <string>
#include <vector>

#include "plan/flake_source.h"
#include "sys/host_view.h"

namespace claudebox::packages {

struct ReadFiles {
  std::vector<std::string> files{};  ///< below the flake's root, sorted
  std::vector<std::string> trees{};  ///< directories that were read as a whole; "" is the root
};

/// From what nix opened ("HASH-source/NAME") and the copy that it evaluated. `own` is the flake's directory below the root,
/// empty for the root itself. Nothing where nix did not say it.
ReadFiles read_files(const std::vector<std::string>& opened, const std::string& own,
                     const sys::HostView& host, const std::string& copy);

}  // namespace claudebox::packages
