// A bounded look into a directory for secrets that lie there, by their names.
#pragma once

#include <string>
#include <vector>

#include "sys/host_view.h"

namespace claudebox::plan {

/// At most this much is looked at in all mounts together, whatever is there: a look, no search, since it is part of every
/// start. The nearest directories come first.
struct LookBudget {
  std::size_t names = 1000;
  std::size_t directories = 100;
};

/// The files below `directory` whose names say that they are secret, relative to it, nearest first; nothing for what is no
/// directory. What build tools and package managers fetched is left out, and so is a certificate without a private key.
std::vector<std::string> secrets_inside(const sys::HostView& host, const std::string& directory,
                                        LookBudget& budget);

}  // namespace claudebox::plan
