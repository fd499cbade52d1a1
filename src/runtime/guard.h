// Names watched from outside while the box lives (inotify(7)).
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"
#include "sys/fd.h"

namespace claudebox::runtime {

/// Watches the plan's names. Events are only a hint to look: on any of them, a lost one included, every name
/// is looked at, so an overflowing queue hides nothing.
///
/// What it can't close: between a name's appearance and our reaction lie some ten microseconds on an idle
/// machine and up to a few milliseconds on a busy one. A git that the host starts in that time may have read
/// it. That is why the plan prefers stubs with a cover; watches are for what can't have one.
class Guard {
 public:
  /// Throws where a watch can't be set, or a name that must not appear is there already.
  explicit Guard(const std::vector<plan::Watch>& watches);
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard();

  /// Readable when something happened; -1 where nothing is watched.
  int descriptor() const { return inotify_.get(); }

  /// Looks at every name, moves away what must not be there. Why the box must end, or nothing.
  std::string check();

 private:
  struct Name {
    plan::Watch watch;
    sys::UniqueFd directory;  ///< O_PATH: the directory itself, wherever it is moved
    std::string identity;     ///< of what had the name at the start, empty where nothing had
  };

  sys::UniqueFd inotify_;
  std::vector<Name> names_;
};

}  // namespace claudebox::runtime
