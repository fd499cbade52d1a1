// The plan's mounts as steps for the child that prepares the box's root, and what went wrong there in words.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"
#include "runtime/box_root.h"

namespace claudebox::runtime {

/// The steps for `plan`, which must outlive them unchanged.
class RootSteps {
 public:
  /// `has_terminal`: standard output is what the command gets, and may be a terminal.
  RootSteps(const plan::Plan& plan, bool has_terminal);

  /// For the child, with nothing but pointers into this and the plan.
  BoxRootSpec spec() const;

  /// Throws what `failed` means; `error` is its errno.
  [[noreturn]] void throw_failure(const RootResult& failed, int error) const;

 private:
  std::vector<RootStep> steps_;
  std::vector<const plan::Mount*> mounts_;  ///< of each step
  std::vector<const char*> names_;          ///< of the store
  std::string terminal_;
};

}  // namespace claudebox::runtime
