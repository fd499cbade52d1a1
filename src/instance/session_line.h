// The lines of a session's record as JSON. What came from a box or a name server is ASCII with \uXXXX in there, so that
// even cat can show a record.
#pragma once

#include <string>
#include <variant>

#include "report/network_event.h"
#include "report/session.h"

namespace claudebox::instance {

/// Each is one line with its newline. `events` are cut where they are longer than anything sensible.
std::string format_session_start(const report::Session& session);
std::string format_session_event(const report::NetworkEvent& event);
std::string format_session_end(const report::Session& session);

struct SessionStart {
  report::Session session;
};
/// Has `ended`, `outcome`, `status`, `reason`, `denials`, `lost` and nothing else.
struct SessionEnd {
  report::Session session;
};
/// monostate: damaged, or of a kind that this version does not know.
using SessionLine = std::variant<std::monostate, SessionStart, report::NetworkEvent, SessionEnd>;
SessionLine parse_session_line(const std::string& line);

}  // namespace claudebox::instance
