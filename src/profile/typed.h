// A value as the user spelled it, after a flag or in a file: the same functions take both apart.
#pragma once

#include <string>

#include "base/origin.h"

namespace claudebox::profile {

struct Typed {
  std::string text{};
  std::string name{};  ///< "--mount", or the key "mounts"
  base::Origin origin{};

  static Typed flag(const std::string& option, const std::string& text) {
    return {text, option, {base::Origin::Kind::flag, option + " " + text, "asked for"}};
  }
  bool is_flag() const { return name.starts_with("--"); }
  /// For messages: "--mount ~/data", or "mounts '~/data'".
  std::string spoken() const { return is_flag() ? name + " " + text : name + " '" + text + "'"; }
  /// How it would be right: "--mount SRC", or "mounts: SRC".
  std::string form(const std::string& right) const { return name + (is_flag() ? " " : ": ") + right; }

  bool operator==(const Typed&) const = default;
};

}  // namespace claudebox::profile
