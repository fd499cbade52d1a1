// The user's terminal, given back as it was.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <optional>

namespace claudebox::runtime {

/// Remembers the terminal on standard input: its modes, and that this process group was in the foreground.
class Terminal {
 public:
  Terminal();

  /// A shell in the box takes the foreground for itself and can't give it back: the group it came from has no
  /// number in its pid namespace. `restore_modes`: also where the command had no chance to tidy up.
  void restore(bool restore_modes) noexcept;

 private:
  std::optional<termios> modes_;
  bool foreground_ = false;
};

}  // namespace claudebox::runtime
