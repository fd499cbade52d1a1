// Problems with the user's input: collected, reported all at once.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace claudebox::base {

/// One problem with what the user asked for.
struct Diagnostic {
  std::string message;  ///< what is wrong and why, without a final full stop
  std::string hint;     ///< what to do next; may be empty
  ExitCode exit = ExitCode::usage;
  std::string excerpt{};  ///< the line of a file with a caret below what is meant; lines, or empty

  bool operator==(const Diagnostic&) const = default;
};

/// Collects problems; the first one decides the exit status.
class Diagnostics {
 public:
  void add(std::string message, std::string hint = {}, ExitCode exit = ExitCode::usage) {
    items_.push_back({std::move(message), std::move(hint), exit});
  }
  void add(Diagnostic problem) { items_.push_back(std::move(problem)); }
  bool empty() const { return items_.empty(); }
  const std::vector<Diagnostic>& items() const { return items_; }
  ExitCode exit() const { return items_.empty() ? ExitCode::success : items_.front().exit; }

 private:
  std::vector<Diagnostic> items_;
};

}  // namespace claudebox::base
