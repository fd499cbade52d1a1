// The record that each session leaves in its instance: sessions/ID.jsonl, one JSON object a line, mode 0600.
#pragma once

#include <memory>
#include <string>

#include "plan/plan.h"
#include "report/network_event.h"
#include "report/outcome.h"

namespace claudebox::instance {

/// Written by the supervisor while the box lives. A write that fails (full disk) loses lines and never ends the box; the
/// loss is told by `summary`. Bounded: after kMaxSessionBytes lookups, denials and traffic are only counted, and what
/// was counted is written at the end.
class SessionLog {
 public:
  /// Makes sessions/ID.jsonl and writes the first line: schema, start, plan in short. ID is the start in UTC and the
  /// supervisor's pid: 20261124T154102Z-4711. Keeps the newest kKeptSessions. The instance must exist. Throws.
  explicit SessionLog(const plan::Plan& plan);
  ~SessionLog();
  SessionLog(SessionLog&&) noexcept;
  SessionLog& operator=(SessionLog&&) = delete;

  /// An event without a time gets the current one. Bytes of a destination that are fewer than before are those of a
  /// gateway after the one before: they are added. Traffic is written when it is new or has become four times as much.
  void add(const report::NetworkEvent& event) noexcept;
  /// The last lines: what was reached, what was denied, the end.
  void finish(const report::Outcome& outcome) noexcept;

  const std::string& id() const;
  /// One line for the end of the session, not escaped for a terminal: "network: 14 names looked up, 3 destinations
  /// reached, 12 times denied (169.254.169.254:80, 10.0.0.1:22, 10.0.0.2:22 and 3 more); claudebox log ID shows them".
  /// Empty where nothing was denied and nothing lost.
  std::string summary() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

inline constexpr std::size_t kMaxSessionBytes = 4U << 20;
inline constexpr std::size_t kKeptSessions = 50;

}  // namespace claudebox::instance
