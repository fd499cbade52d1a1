// The text of a profile becomes entries.
#pragma once

#include <vector>

#include "profile/schema.h"
#include "profile/source.h"

namespace claudebox::profile {

/// Every value of the file, in its order, with the rank `layer`. What is wrong goes to `problems`, all of it where the
/// file is TOML at all. Never throws on what a file holds.
std::vector<Entry> parse(const Source& source, const Place& place, int layer, base::Diagnostics& problems);

}  // namespace claudebox::profile
