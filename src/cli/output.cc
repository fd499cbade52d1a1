#include "cli/output.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"

namespace claudebox::cli {
namespace {

/// 0, or the errno of what went wrong.
int write_to(int descriptor, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

bool is_closed(int descriptor) noexcept {
  return ::fcntl(descriptor, F_GETFD) < 0 && errno == EBADF;
}

bool takes_utf8(const sys::HostView& host) {
  for (const auto* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const auto value = host.variable(name);
    if (!value) continue;
    std::string locale = *value;
    std::transform(locale.begin(), locale.end(), locale.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  }
  return false;
}

}  // namespace

ClosedStreams fill_standard_streams() noexcept {
  ClosedStreams closed;
  for (int descriptor = 0; descriptor <= 2; ++descriptor) {
    if (!is_closed(descriptor)) continue;
    // open() takes the lowest free number, which is this one: the ones below are open by now.
    // Not close-on-exec: it is the command's stream, too.
    if (::open("/dev/null", O_RDWR) != descriptor)  // NOLINT(android-cloexec-open)
      ::_exit(static_cast<int>(base::ExitCode::setup));
    (descriptor == 0 ? closed.input : descriptor == 1 ? closed.output : closed.error) = true;
  }
  return closed;
}

void print(std::string_view text) {
  if (const int error = write_to(STDOUT_FILENO, text))
    base::throw_system_error(error, "can't write to standard output", "look at where it is redirected to");
}

void say(std::string_view text) noexcept {
  write_to(STDERR_FILENO, text);
}

void say_note(const std::string& note) {
  say("claudebox: " + base::escape_for_terminal(note) + "\n");
}

void say_problem(const std::string& message, const std::string& hint, const std::string& excerpt) {
  std::string out = "claudebox: " + base::escape_for_terminal(message) + "\n";
  if (!excerpt.empty())
    for (const auto& line : base::split(excerpt, '\n')) out += base::escape_for_terminal(line) + "\n";
  if (!hint.empty()) {
    std::string label = "hint: ";
    for (const auto& line : base::split(hint, '\n')) {
      out += label + base::escape_for_terminal(line) + "\n";
      label = "      ";
    }
  }
  say(out);
}

void say_problems(const base::Diagnostics& problems) {
  for (const auto& problem : problems.items()) say_problem(problem.message, problem.hint, problem.excerpt);
}

std::size_t width_of(int descriptor) noexcept {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

render::Style style_for(int descriptor, const sys::HostView& host) {
  render::Style style;
  const bool terminal = host.is_terminal(descriptor);
  style.color = terminal && !host.variable("NO_COLOR") && host.variable("TERM").value_or("dumb") != "dumb";
  style.utf8 = takes_utf8(host);
  style.width = std::clamp<std::size_t>(width_of(descriptor), 30, 120);
  return style;
}

}  // namespace claudebox::cli
