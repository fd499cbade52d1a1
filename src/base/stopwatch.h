// How long the stages of a run took, for --timings.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace claudebox::base {

/// Laps on the monotonic clock.
class Stopwatch {
 public:
  /// Ends the lap that began with the last call (or the construction).
  void lap(std::string name) {
    const auto now = Clock::now();
    laps_.emplace_back(std::move(name), std::chrono::duration<double, std::milli>(now - last_).count());
    last_ = now;
  }
  /// Begins the next lap now: what lies before it (a person who thinks about a question) counts nowhere.
  void skip() { last_ = Clock::now(); }

  /// Names and milliseconds.
  const std::vector<std::pair<std::string, double>>& laps() const { return laps_; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_ = Clock::now();
  std::vector<std::pair<std::string, double>> laps_;
};

}  // namespace claudebox::base
