// A file's text, and problems that point into it.
#pragma once

#include <string>

#include "base/diagnostics.h"
#include "profile/schema.h"

namespace claudebox::profile {

struct Source {
  std::string name{};  ///< for people: "web.toml"
  std::string text{};
  std::string path{};  ///< absolute

  /// "web.toml:3"
  base::Origin origin(Position at) const;
};

/// A problem at a place of the file: "web.toml:3:11: message", the line and a caret.
base::Diagnostic problem_at(const Source& source, Position at, const std::string& message, std::string hint);

}  // namespace claudebox::profile
