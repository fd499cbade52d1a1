// How a run ended, as a type.
#pragma once

#include <string>
#include <vector>

namespace claudebox::report {

/// What was noticed while the box lived or when it ended.
struct Finding {
  std::string path;
  std::string text;  ///< "new: runs when you enter the directory"
  bool operator==(const Finding&) const = default;
};

struct Outcome {
  enum class Kind {
    exited,     ///< the command ended; `status` is its exit status, 128+N for signal N
    killed,     ///< the box was killed from outside; `status` is 128+N
    violation,  ///< the box was ended because a protection no longer held; `reason` says which
    failed,     ///< the box could not be made or bwrap failed; `reason` says why, nothing of the command ran
  };
  Kind kind = Kind::exited;
  int status = 0;  ///< what claudebox exits with
  std::string reason{};
  std::vector<Finding> findings{};
  std::string
      out_of_memory{};  ///< what was killed because the box used up its memory; empty where nothing was
  bool operator==(const Outcome&) const = default;
};

}  // namespace claudebox::report
