// What a box leaves behind, looked for on the host when it has ended.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "selftest/run.h"
#include "sys/host_view.h"

namespace claudebox::selftest {

/// What was there before the start, so that it is not taken for a remainder. `plan` must outlive it.
class Aftermath {
 public:
  Aftermath(const plan::Plan& plan, const sys::HostView& before);

  /// Puts what is found into the rows ends.*. `now` is the host as it is afterwards: a view may remember what it has seen.
  /// `token` is a word in the command line of the process that the probe left behind, `pid_namespace` the one that the probe
  /// was in ("pid:[4026531836]"), `ended` when the box had ended: its number may have been given to another since.
  void judge(std::vector<Row>& rows, const sys::HostView& now, const std::string& token,
             const std::string& pid_namespace, std::uint64_t ended) const;

 private:
  std::set<std::string> mounts(const sys::HostView& host) const;

  const plan::Plan& plan_;
  std::set<std::string> mounts_;
  std::vector<std::string> children_;
  std::vector<std::string> stubs_;  ///< those that were not there
};

/// The time since boot in the unit of /proc/PID/stat.
std::uint64_t clock_ticks();

}  // namespace claudebox::selftest
