#include "runtime/terminal.h"

#include <signal.h>
#include <unistd.h>

namespace claudebox::runtime {

Terminal::Terminal() {
  termios modes{};
  if (::tcgetattr(STDIN_FILENO, &modes) == 0) modes_ = modes;
  foreground_ = modes_ && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
}

void Terminal::restore(bool restore_modes) noexcept {
  if (!foreground_) return;
  // From the background both calls would stop this process with SIGTTOU.
  sigset_t background;
  sigset_t before;
  sigemptyset(&background);
  sigaddset(&background, SIGTTOU);
  ::sigprocmask(SIG_BLOCK, &background, &before);
  if (::tcgetpgrp(STDIN_FILENO) != ::getpgrp()) ::tcsetpgrp(STDIN_FILENO, ::getpgrp());
  if (restore_modes) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &*modes_);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace claudebox::runtime
