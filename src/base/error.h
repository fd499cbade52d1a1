// Failures: one exception type that carries what a person needs, and the exit statuses of claudebox.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace claudebox::base {

/// claudebox's own exit statuses; the command's status passes through beside them.
enum class ExitCode : int {
  success = 0,
  failure = 1,           ///< a command that runs nothing failed
  usage = 2,             ///< the command line or a file of the user's is wrong
  setup = 125,           ///< the box could not be made; nothing ran
  cannot_execute = 126,  ///< the command is there and can't be executed
  command_not_found = 127,
};

/// Something failed. Holds one sentence, the contexts added on the way up, a hint and an exit status.
/// Caught in `cli::run` and at the supervisor's boundary, nowhere else.
class Error : public std::exception {
 public:
  explicit Error(std::string what_failed, std::string hint = {}, std::optional<ExitCode> exit = {});

  /// Adds context on the way up: `while_("starting the box")`. Returns itself for `throw e.while_(…)`.
  Error& while_(std::string context);

  /// "while starting the box: can't open /x: Permission denied"
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }
  std::optional<ExitCode> exit() const { return exit_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
  std::string hint_;
  std::optional<ExitCode> exit_;
};

/// What to do where an errno value says that something has run out (descriptors, memory); null for any other. That is the
/// cause then, whatever was tried.
const char* exhaustion_hint(int errno_value);

/// Throws an Error "what_failed: strerror(errno_value)". `errno_value` is usually `errno`. Its hint is that of what has run out,
/// where something has, and `hint`.
[[noreturn]] void throw_system_error(int errno_value, std::string what_failed, std::string hint = {});

/// "Permission denied (EACCES)" for an errno value.
std::string errno_text(int errno_value);

}  // namespace claudebox::base
