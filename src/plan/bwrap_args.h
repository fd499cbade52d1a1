// The plan as a bubblewrap command line. Pure.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "plan/plan.h"

namespace claudebox::plan {

/// One word of bwrap's command line. Descriptors are numbers only at the launch, so they stand here by what
/// they are: a host path to be opened with O_PATH, or bytes to be handed over in memory.
struct BoundPath {
  std::string path;
  bool operator==(const BoundPath&) const = default;
};
struct Bytes {
  std::string content;
  bool operator==(const Bytes&) const = default;
};
struct SeccompFilter {
  bool operator==(const SeccompFilter&) const = default;
};
/// The directory of Mount::Kind::login, which the box's outer mount namespace has.
struct LoginDirectory {
  bool operator==(const LoginDirectory&) const = default;
};
/// The tree of Mount::Kind::store, likewise.
struct StoreDirectory {
  bool operator==(const StoreDirectory&) const = default;
};
using Word = std::variant<std::string, BoundPath, Bytes, SeccompFilter, LoginDirectory, StoreDirectory>;

/// bwrap's options for `plan`, without the program, "--" and the command.
/// Binds are by descriptor (--bind-fd, --ro-bind-fd), so that what was looked at is what is mounted.
std::vector<Word> bwrap_options(const Plan& plan);

/// The same as a command that can be pasted into bash (paths instead of descriptors, here-strings instead of
/// memory files, variables taken from the host by name instead of by value).
/// `program` is how to call claudebox for its seccomp filter.
std::string bwrap_shell_command(const Plan& plan, const std::string& program);

}  // namespace claudebox::plan
