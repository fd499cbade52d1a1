// Git repositories that the box made or changed in the project: looked for when it ends, and reported.
#pragma once

#include <ctime>
#include <set>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "report/outcome.h"

namespace claudebox::runtime {

/// A repository in some directory of the project runs commands of its maker's choice on whoever uses git there, and,
/// once it is in the project's index, on whoever says `git status` in the project. None can be kept from being made, so
/// they are reported.
///
/// Nothing is read at the start. What is new shows by its time of last change (ctime), which no program can set.
/// Directories are visited nearest first; the time for it is bounded by the time that the box lived, so that a short
/// run stays short in a large project.
class NewRepositories {
 public:
  /// Remembers the time.
  explicit NewRepositories(const plan::Plan& plan);

  /// To be called once the box has ended. What the plan covers is left out.
  std::vector<report::Finding> find();

 private:
  struct Entries {
    std::vector<std::string> directories{};
    bool git = false;   ///< has an entry ".git"
    bool bare = false;  ///< has HEAD, objects and refs
  };
  static Entries read(const std::string& directory);
  void follow_the_clock();
  bool changed_since_start(const std::string& path) const;
  bool is_new(const std::string& git_dir) const;

  std::string root_;
  bool look_ = false;
  std::set<std::string> covered_;
  timespec start_{};   ///< by the clock that times of change are taken from
  double booted_ = 0;  ///< by one that nobody sets, milliseconds
};

}  // namespace claudebox::runtime
