// What was typed and what stands in files becomes what is meant.
#pragma once

#include <optional>

#include "base/diagnostics.h"
#include "cli/app.h"
#include "plan/request.h"
#include "profile/project.h"
#include "sys/host_view.h"

namespace claudebox::cli {

/// Flags over the environment over the project's own file over the profile over config.toml over defaults. What is wrong
/// goes to `problems`, all of it; the request is only good where they stay empty.
plan::Request make_request(const LowArgs& low, const sys::HostView& host, base::Diagnostics& problems);

/// The project's own file, and what it comes to beside all that the user asked for.
struct ProjectSay {
  profile::Source source;
  profile::Judged judged;
};
/// Empty where there is no such file. What is wrong with it goes to `problems`.
std::optional<ProjectSay> project_say(const plan::Request& asked, const sys::HostView& host,
                                      base::Diagnostics& problems);

/// The same as make_request, without the project's own file.
plan::Request make_own_request(const LowArgs& low, const sys::HostView& host, base::Diagnostics& problems);

/// --yes or CLAUDEBOX_YES=1.
bool says_yes(const LowArgs& low, const sys::HostView& host);

}  // namespace claudebox::cli
