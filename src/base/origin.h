// Where a grant came from, so that `--explain` can say why it is there.
#pragma once

#include <string>

namespace claudebox::base {

/// Every mount, variable and setting of a plan carries one of these.
struct Origin {
  enum class Kind {
    builtin,      ///< a rule of claudebox itself
    detected,     ///< a fact about this host or project made it necessary
    flag,         ///< the user asked for it on the command line
    environment,  ///< the user asked for it by a CLAUDEBOX_ variable
    profile,      ///< a profile or configuration file asked for it
  };
  Kind kind = Kind::builtin;
  /// What exactly: "--mount ~/data", "CLAUDEBOX_NETWORK", "PATH", "web.toml:12".
  std::string source;
  /// Why, in a few words for `--explain`: "tools on PATH under home".
  std::string reason;

  bool operator==(const Origin&) const = default;
};

}  // namespace claudebox::base
