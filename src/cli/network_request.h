// What --network, --allow, --lan, --publish and --reach mean. Internal to this folder.
#pragma once

#include "base/diagnostics.h"
#include "cli/app.h"
#include "plan/request.h"
#include "sys/host_view.h"

namespace claudebox::cli {

/// Fills the part of `request` that is about the network. All mistakes go to `problems`.
void request_network(const LowArgs& low, const sys::HostView& host, plan::Request& request,
                     base::Diagnostics& problems);

}  // namespace claudebox::cli
