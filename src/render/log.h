// The record of a session for people: what a box looked up, reached and was denied.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "render/audit.h"
#include "render/page.h"
#include "report/network_event.h"
#include "report/session.h"

namespace claudebox::render {

/// Events put together, in the order in which each was first seen; `time` is that of the first.
struct LogDigest {
  std::vector<report::NetworkEvent>
      lookups{};  ///< one a name and result; `type` "A, AAAA", `count` how often
  std::vector<report::NetworkEvent> reached{};  ///< one a destination, with its bytes
  std::vector<report::NetworkEvent> denied{};  ///< one a destination, direction and reason; `count` how often
  std::vector<report::NetworkEvent> incidents{};
  bool operator==(const LogDigest&) const = default;
};
LogDigest log_digest(std::span<const report::NetworkEvent> events);

/// Writes about one session. All that comes from outside is escaped for the terminal.
class Log {
 public:
  /// `clock` spells milliseconds since 1970 as "2026-11-24 15:41:02".
  using Clock = std::function<std::string(std::int64_t)>;
  Log(report::Session session, Style style, Clock clock);

  /// One line, or as many as it takes: id, command, tier, start, end, status.
  std::string header() const;
  /// The parts that are not empty; a sentence where all of them are.
  std::string page(const LogDigest& digest, bool denied_only) const;
  /// One event as it happens. Remembers names of addresses.
  std::string line(const report::NetworkEvent& event);
  /// How it ended, or that it did not.
  std::string ending() const;

 private:
  void remember(const report::NetworkEvent& event);
  Line describe(const report::NetworkEvent& event) const;
  void part(Page& page, const std::string& title, const std::vector<report::NetworkEvent>& events) const;
  std::string nothing(bool denied_only) const;
  std::string time_of(std::int64_t time) const;

  report::Session session_;
  Style style_;
  Clock clock_;
  std::map<std::string, std::string> names_;  ///< of addresses
};

}  // namespace claudebox::render
