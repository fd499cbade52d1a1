// Which files have a say, and what comes of them together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "plan/request.h"
#include "profile/schema.h"
#include "profile/source.h"
#include "sys/host_view.h"

namespace claudebox::profile {

/// The profile that the user named, and how.
struct Choice {
  std::string name{};
  base::Origin origin{};  ///< "--profile web", "CLAUDEBOX_PROFILE"
};

/// What the files say together: of each scalar the highest file's value, of each list all items.
struct Settings {
  std::vector<plan::SettingsFile> files{};  ///< lowest first
  std::vector<Entry> entries{};
};

/// config.toml, then the profile with what it extends, lowest first. Opens nothing but those.
Settings load(const std::optional<Choice>& choice, const sys::HostView& host, base::Diagnostics& problems);

/// One file that may lie anywhere, with what it extends of the user's own profiles.
Settings load_file(const Source& source, const Place& place, plan::SettingsFile::Kind kind,
                   base::Diagnostics& problems);

/// `above` over `below`: scalars override, items add; an item with the identity of one below takes its place.
void merge(std::vector<Entry>& below, const std::vector<Entry>& above);

/// All entries into the request, without a word on what `parse` has said already.
void apply(const std::vector<Entry>& entries, const Place& place, plan::Request& request);

}  // namespace claudebox::profile
