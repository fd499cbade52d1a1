#include "cli/ask.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/text.h"
#include "cli/output.h"
#include "sys/event_loop.h"
#include "sys/fd.h"

namespace claudebox::cli {
namespace {

/// Ctrl-C as a descriptor, so that it ends the question in an orderly way, whatever is waited for.
class Interrupts {
 public:
  Interrupts() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    ::sigprocmask(SIG_BLOCK, &set, &before_);
    descriptor_ = sys::make_signal_descriptor(set);
  }
  ~Interrupts() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  int get() const { return descriptor_.get(); }
  /// A signal that came in time must not kill claudebox once it is let through again.
  void swallow() const noexcept {
    signalfd_siginfo info{};
    while (::read(descriptor_.get(), &info, sizeof info) > 0) {
    }
  }

 private:
  sigset_t before_{};
  sys::UniqueFd descriptor_;
};

sys::UniqueFd open_terminal() {
  if (::isatty(STDERR_FILENO) != 1) return {};
  if (::isatty(STDIN_FILENO) == 1) return sys::UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  return sys::UniqueFd(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
}

/// One line without its end; empty at the end of input.
std::optional<std::string> read_line(int terminal, std::string& pending) {
  for (;;) {
    if (const std::size_t end = pending.find('\n'); end != std::string::npos) {
      std::string line = pending.substr(0, end);
      pending.erase(0, end + 1);
      return line;
    }
    char buffer[256];
    const ssize_t got = ::read(terminal, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    pending.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace

Reply understand(const std::string& line, Reply empty) {
  std::string word(base::trim(line));
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (word.empty()) return empty;
  if (word == "y" || word == "yes") return Reply::yes;
  if (word == "n" || word == "no") return Reply::no;
  return Reply::unclear;
}

Answer ask(const std::string& question, Reply empty) {
  const sys::UniqueFd terminal = open_terminal();
  if (!terminal) return Answer::nobody;
  const Interrupts interrupts;
  // What was typed ahead was not meant for a question that nobody had seen.
  ::tcflush(terminal.get(), TCIFLUSH);
  std::string pending;
  for (;;) {
    say(question + " ");
    pollfd ready[2] = {{.fd = terminal.get(), .events = POLLIN, .revents = 0},
                       {.fd = interrupts.get(), .events = POLLIN, .revents = 0}};
    while (::poll(ready, 2, -1) < 0) {
      if (errno != EINTR) return Answer::nobody;
    }
    if (ready[1].revents != 0) {
      interrupts.swallow();
      say("\n");
      return Answer::interrupt;
    }
    const auto line = read_line(terminal.get(), pending);
    if (!line) {
      say("\n");
      return Answer::no;
    }
    switch (understand(*line, empty)) {
      case Reply::yes:
        return Answer::yes;
      case Reply::no:
        return Answer::no;
      case Reply::unclear:
        say("Please answer y or n.\n");
    }
  }
}

}  // namespace claudebox::cli
