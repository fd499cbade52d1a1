// The cgroup v2 that holds a box to its limits.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"
#include "sys/fd.h"

namespace claudebox::runtime {

/// A cgroup with the limits of the plan, for one box. Removed by the destructor, when the box has ended; after a kill -9
/// by the next one in the same place, or by systemd with its scope.
class BoxCgroup {
 public:
  /// Nothing where no limit is by group. May move this process into a scope or cgroup of its own. Throws base::Error where
  /// anything of it fails: the plan said that the limits hold.
  explicit BoxCgroup(const plan::Limits& limits);
  ~BoxCgroup();
  BoxCgroup(const BoxCgroup&) = delete;
  BoxCgroup& operator=(const BoxCgroup&) = delete;

  /// cgroup.procs, open for writing; -1 where there is no group. Of whoever is in it, all descendants are.
  int processes() const { return processes_.get(); }

  /// What the kernel killed in it because the memory was used up, in words; empty where nothing was.
  std::string out_of_memory() const;

 private:
  std::string path_{};
  std::string memory_{};  ///< the limit, as it is spelled
  sys::UniqueFd processes_{};
  sys::UniqueFd events_{};  ///< memory.events
};

/// The words after busctl and its bus that move the process `pid` into a new scope `unit`, delegated to the user.
std::vector<std::string> start_scope_call(const std::string& unit, int pid);

}  // namespace claudebox::runtime
