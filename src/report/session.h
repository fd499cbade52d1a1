// One run of a box as `claudebox log` tells of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace claudebox::report {

struct Session {
  std::string id{};                     ///< the start in UTC and the supervisor's pid: 20261124T154102Z-4711
  std::int64_t started = 0;             ///< milliseconds since 1970
  std::optional<std::int64_t> ended{};  ///< empty: it runs, or was killed
  bool running = false;
  std::string outcome{};  ///< "exited", "killed", "violation", "failed"; empty before the end
  std::optional<int> status{};
  std::string reason{};

  // The plan in short. Values of variables are nowhere in it, and what looks like a secret is masked.
  std::string command{};
  std::string network{};  ///< the tier
  std::string project{};
  std::vector<std::string> allow{};
  std::vector<std::string> lan{};
  std::vector<std::string> publish{};
  std::vector<std::string> reach{};
  std::vector<std::string> mounts{};     ///< asked for by the user, "SRC:DST:rw"
  std::vector<std::string> variables{};  ///< names, asked for by the user

  std::uint64_t denials = 0;  ///< how often something was denied; known at the end
  std::uint64_t lost = 0;     ///< lines that could not be written

  bool operator==(const Session&) const = default;
};

}  // namespace claudebox::report
