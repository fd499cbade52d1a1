// The part of bash that older profiles are made of: assignments of words and arrays.
#pragma once

#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "profile/source.h"

namespace claudebox::profile {

struct ShellWord {
  std::string text{};     ///< after quotes; $HOME as it is written
  std::string path{};     ///< the same for a path of a profile, where $, backslashes of the text are escaped
  bool has_home = false;  ///< there is a $HOME in it
  Position at{};
};

struct ShellAssignment {
  std::string name{};
  bool appends = false;  ///< +=
  bool array = false;
  std::vector<ShellWord> words{};
  Position at{};
};

/// All assignments of the file. What is no assignment, and every expansion but $HOME and a leading ~, is a problem.
std::vector<ShellAssignment> read_shell_assignments(const Source& source, base::Diagnostics& problems);

}  // namespace claudebox::profile
