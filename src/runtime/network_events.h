// What the gateway reports, as lines for the record of the session. Pure.
#pragma once

#include <optional>

#include "gateway/control.h"
#include "report/network_event.h"

namespace claudebox::runtime {

/// Empty for messages that are no events. `time`: milliseconds since 1970.
std::optional<report::NetworkEvent> network_event(const gateway::Message& message, std::int64_t time);

}  // namespace claudebox::runtime
