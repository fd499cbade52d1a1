// What changed in the project that later runs on the host: compared at the end with the start, and reported.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"
#include "report/outcome.h"

namespace claudebox::runtime {

/// The state of the plan's watched paths at one moment. For a file its identity, size and time of change; for
/// a directory also the names in it (not below).
class Snapshot {
 public:
  explicit Snapshot(const std::vector<plan::Sweep>& sweeps);

  /// What is new, changed or gone now.
  std::vector<report::Finding> compare() const;

 private:
  struct State {
    bool exists = false;
    std::string fingerprint;
    bool operator==(const State&) const = default;
  };
  static State look(const std::string& path);

  std::vector<plan::Sweep> sweeps_;
  std::vector<State> states_;
};

}  // namespace claudebox::runtime
