#include "base/error.h"

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

void throw_system_error(int errno_value, std::string what_failed, std::string hint) {
  throw Error(std::move(what_failed) + ": " + errno_text(errno_value), std::move(hint));
}

}  // namespace claudebox::base
