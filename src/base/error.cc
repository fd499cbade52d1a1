#include "base/error.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace claudebox::base {

Error::Error(std::string what_failed, std::string hint, std::optional<ExitCode> exit)
    : message_(std::move(what_failed)), hint_(std::move(hint)), exit_(exit) {}

Error& Error::while_(std::string context) {
  message_ = "while " + std::move(context) + ": " + message_;
  return *this;
}

std::string errno_text(int errno_value) {
  const char* name = strerrorname_np(errno_value);
  const std::string text = strerrordesc_np(errno_value) ? strerrordesc_np(errno_value) : "Unknown error";
  return name ? text + " (" + name + ")" : text;
}

const char* exhaustion_hint(int errno_value) {
  switch (errno_value) {
    case EMFILE:
      return "too many files are open: ulimit -n shows the limit, and raises it";
    case ENFILE:
      return "too many files are open on this machine: sysctl fs.file-max shows the limit";
    case ENOMEM:
      return "memory has run out: ulimit -v and ulimit -d show limits of this shell, free what the machine "
             "has";
    default:
      return nullptr;
  }
}

void throw_system_error(int errno_value, std::string what_failed, std::string hint) {
  if (const char* exhausted = exhaustion_hint(errno_value))
    hint = hint.empty() ? exhausted : exhausted + ("\n" + hint);
  throw Error(std::move(what_failed) + ": " + errno_text(errno_value), std::move(hint));
}

}  // namespace claudebox::base
