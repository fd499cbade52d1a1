// The records of an instance's sessions, read: also while one is being written, and after a crash.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "instance/session_line.h"
#include "report/session.h"
#include "sys/fs.h"

namespace claudebox::instance {

inline constexpr const char* kSessions = "sessions";
inline constexpr const char* kSessionSuffix = ".jsonl";

/// The names of the records in `directory`, the newest first. Throws.
std::vector<std::string> session_names(const sys::Directory& directory);

/// All sessions of an instance, the newest first. A record that can't be read is left out; no sessions at all, or no
/// instance, is an empty list.
std::vector<report::Session> sessions(const std::string& instance_directory);

/// Reads one record from its beginning and goes on where it stopped.
class SessionReader {
 public:
  /// Throws where it can't be opened.
  SessionReader(const std::string& instance_directory, const std::string& id);

  /// What was written since the last call: whole lines, without those that are damaged. Throws.
  std::vector<SessionLine> lines();
  /// Whether the supervisor that writes it lives. Ask before `lines`, then nothing is missed.
  bool running() const;

 private:
  sys::UniqueFd file_;
  std::string rest_;         ///< a line whose end is not written yet
  bool discarding_ = false;  ///< inside a line that is longer than any of ours
};

}  // namespace claudebox::instance
