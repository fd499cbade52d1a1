// Whom the Nix daemon trusts. Internal to this folder.
#pragma once

#include <string>
#include <vector>

#include "sys/host_view.h"

namespace claudebox::plan {

/// The directories that hold nix.conf and registry.json: the system's and the user's. They need not exist.
std::vector<std::string> nix_configuration(const sys::HostView& host);

struct NixTrust {
  std::vector<std::string> users{};  ///< names, "@GROUP" or "*"
  std::string unreadable{};          ///< a file that belongs to it and can't be read; empty where all could
};

/// `trusted-users` and `extra-trusted-users` of the system's nix.conf and what it includes, nix.conf(5). A configuration
/// of root's own, or in the daemon's environment, can't be seen.
NixTrust nix_trust(const sys::HostView& host);

/// The entry by which the daemon trusts this user; empty where it does not. Where only a name service knows a group,
/// the user is taken for one of it.
std::string trusted_as(const sys::HostView& host, const std::vector<std::string>& users);

}  // namespace claudebox::plan
