// The real host behind HostView.
#pragma once

#include <memory>

#include "sys/host_view.h"

namespace claudebox::sys {

/// The host as this process sees it: its environment, ids and files. HOME is trusted where it names a directory,
/// else the user database is asked. Throws where the user has no home at all.
/// What a path is, is looked at once: the view is of one moment, and is not for those who want to see a change.
std::unique_ptr<HostView> this_host();

}  // namespace claudebox::sys
