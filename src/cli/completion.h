// Completion scripts, one function a shell. Internal to this folder.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/docs.h"

namespace claudebox::cli {

std::string bash_completion(const CommandDoc& tree);
std::string zsh_completion(const CommandDoc& tree);
std::string fish_completion(const CommandDoc& tree);

/// Every visible command with its words ("", "run", "instance", "instance list"), parents first.
std::vector<std::pair<std::string, const CommandDoc*>> visible_commands(const CommandDoc& tree);
std::vector<std::string> visible_names(const CommandDoc& command);

/// In single quotes for any of the three shells; a quote inside becomes a typographic one, since only texts
/// of our own come here and fish quotes otherwise than the others.
std::string quoted(const std::string& text);

}  // namespace claudebox::cli
