// Short questions to other programs: `git --version` and the like.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace claudebox::sys {

/// What `arguments` (the first one an absolute path) print on standard output and error together, at most 64
/// KiB. Runs in "/", with standard input empty and this process's environment. Empty where it can't be started
/// or takes longer than `limit`; it is killed then.
std::optional<std::string> program_output(const std::vector<std::string>& arguments,
                                          std::chrono::milliseconds limit);

}  // namespace claudebox::sys
