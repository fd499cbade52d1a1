// The record that each session leaves in its instance: sessions/ID.jsonl, one JSON object a line, mode 0600.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "report/network_event.h"
#include "report/outcome.h"
#include "sys/fd.h"

namespace claudebox::instance {

/// Written by the supervisor while the box lives. A write that fails (full disk) loses lines and never ends the box; the
/// loss is told by `summary`. Bounded: after kMaxLines denials, lookups and traffic are only counted.
class SessionLog {
 public:
  /// Makes sessions/ID.jsonl and writes the first line: schema, start, plan in short. ID is the start in UTC and the
  /// supervisor's pid: 20261124T154102Z-4711. Keeps the newest 50 sessions. Throws.
  explicit SessionLog(const plan::Plan& plan);
  ~SessionLog();
  SessionLog(SessionLog&&) noexcept;
  SessionLog& operator=(SessionLog&&) = delete;

  void add(const report::NetworkEvent& event) noexcept;
  /// The last lines: what was reached, what was denied, the end.
  void finish(const report::Outcome& outcome) noexcept;

  const std::string& id() const { return id_; }
  /// One line for the end of the session, not escaped for a terminal: "network: 14 names looked up, 3 destinations
  /// reached, 12 connections denied (169.254.169.254:80, 10.0.0.1:22 and 3 more); claudebox log shows them". Empty where nothing
  /// was denied.
  std::string summary() const;

 private:
  struct State;
  std::string id_;
  State* state_ = nullptr;
};

/// A session as `claudebox log` lists it.
struct SessionRecord {
  std::string id{};
  std::string path{};
  std::int64_t started = 0;             ///< milliseconds since 1970
  std::optional<std::int64_t> ended{};  ///< empty: it runs, or was killed
  std::optional<int> status{};
  std::string command{};
  std::string network{};
  std::uint64_t denials = 0;
  bool operator==(const SessionRecord&) const = default;
};

/// All sessions of an instance, the newest first. A file that can't be read is left out.
std::vector<SessionRecord> sessions(const std::string& instance_directory);

/// One line of a record as an event; empty for lines of other kinds and for damaged ones.
std::optional<report::NetworkEvent> parse_session_line(const std::string& line);

}  // namespace claudebox::instance
