// The user's own files, read where they may be trusted (PROF-3).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "profile/source.h"
#include "sys/host_view.h"

namespace claudebox::profile {

/// STATE_ROOT/profiles/NAME.toml
std::string profile_path(const sys::HostView& host, const std::string& name);
/// STATE_ROOT/config.toml
std::string config_path(const sys::HostView& host);

/// A file below STATE_ROOT that is the user's own, as are the directories down to it, and that nobody else may write. A
/// link is followed where that holds of everything on its way (`follow_own_links`); `Source::path` is where it leads. A
/// missing file is empty without a problem; everything else that is wrong is one, with the command that mends it.
std::optional<Source> read_own(const sys::HostView& host, const std::string& path, const std::string& name,
                               base::Diagnostics& problems);

/// The names of all profiles, sorted; none is opened.
std::vector<std::string> profile_names(const sys::HostView& host);

/// "there is no profile NAME" with the nearest one.
void say_no_profile(const sys::HostView& host, const std::string& name, const std::string& asked_by,
                    base::Diagnostics& problems);

}  // namespace claudebox::profile
