// The plan as a bubblewrap command line. Pure.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "plan/plan.h"

namespace claudebox::plan {

/// bwrap's options before the root: the namespaces of the box and what it may do in them.
std::vector<std::string> bwrap_isolation(const Plan& plan);

/// bwrap's options after the root: variables and the directory that the command starts in.
std::vector<std::string> bwrap_environment(const Plan& plan);

/// Options with "--dev-bind ROOT /" for a root that is prepared, and what only bwrap itself can mount, since it shows the
/// box's own processes. Without the program, the seccomp filter, "--" and the command.
std::vector<std::string> bwrap_launch_options(const Plan& plan, const std::string& root);

/// Whether bwrap mounts it and not whoever prepares the root: /proc, and what lies in it.
bool is_mounted_by_bwrap(const Mount& mount);

/// Whether `target` lies in the box's own root and not in something mounted there. Only there may a file be
/// written: below a bind it would be written into the host's directory.
bool in_own_root(const Plan& plan, const std::string& target);

/// The mount in which `target` lies, itself apart; null where that is the root.
const Mount* mount_around(const Plan& plan, const std::string& target);

/// One word of a command line. Bytes and the filter are descriptors, numbers only where they are opened.
struct Bytes {
  std::string content;
  bool operator==(const Bytes&) const = default;
};
struct SeccompFilter {
  bool operator==(const SeccompFilter&) const = default;
};
using Word = std::variant<std::string, Bytes, SeccompFilter>;

/// All options of a bwrap that makes the box's root by itself, which is what the printed command does: the same box, in more
/// steps.
std::vector<Word> bwrap_options(const Plan& plan);

/// The same as a command that can be pasted into bash (paths instead of descriptors, here-strings instead of
/// memory files, variables taken from the host by name instead of by value).
/// `program` is how to call claudebox for its seccomp filter.
std::string bwrap_shell_command(const Plan& plan, const std::string& program);

}  // namespace claudebox::plan
