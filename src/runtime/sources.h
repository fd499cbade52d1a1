// What a plan's bwrap options need as descriptors: mount sources, generated files, the seccomp filter.
#pragma once

#include <string>
#include <vector>

#include "plan/bwrap_args.h"
#include "sys/fd.h"

namespace claudebox::runtime {

/// bwrap's options with real descriptors in them. Owns the descriptors; they are close-on-exec here.
struct OpenedOptions {
  std::vector<sys::UniqueFd> descriptors;
  int login =
      -1;  ///< of them, what stands for the login's directory until the child has that; -1: there is none
  int store = -1;    ///< the same for the tree of the Nix store's paths
  std::string text;  ///< the options, each ended by a NUL: what `bwrap --args FD` reads
};

/// Opens every source (O_PATH, no symbolic link anywhere in the path: what planning looked at is what is
/// mounted, or nothing is) and puts every content into a file in memory. Throws with the path where
/// one is gone.
OpenedOptions open_options(const std::vector<plan::Word>& words);

}  // namespace claudebox::runtime
