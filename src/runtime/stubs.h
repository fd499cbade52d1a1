// Inert names inside .git that exist only so that a read-only bind has something to sit on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "sys/fd.h"

namespace claudebox::runtime {

/// Makes the plan's stubs and takes them away at the end.
///
/// Several boxes may need the same stub: each holds a shared flock(2) on its directory, and only who gets it
/// exclusively, the last one, removes it (removing a file on which another box's cover sits would lift that
/// cover). After a kill -9 stubs stay behind. They are harmless, and the next box takes them over.
class Stubs {
 public:
  /// Throws where one can't be made, or where something else has its name by now.
  explicit Stubs(const std::vector<plan::Stub>& stubs);
  Stubs(const Stubs&) = delete;
  Stubs& operator=(const Stubs&) = delete;
  /// Removes those that are still as they were made.
  ~Stubs();

 private:
  Stubs() = default;

  struct Made {
    plan::Stub stub;
    std::shared_ptr<sys::UniqueFd> directory;  ///< of the stub; carries the lock, one for all stubs in it
  };
  void remove(const Made& made) noexcept;

  std::vector<Made> made_;
};

}  // namespace claudebox::runtime
