// Which words of argv are claudebox's own, and which belong to the command or the agent. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/docs.h"

namespace claudebox::cli {

/// argv taken apart.
struct Scanned {
  std::string command{};             ///< "instance list"; empty for the agent
  std::vector<std::string> words{};  ///< claudebox's own: options with their values (--x=y), then
                                     ///< positionals; a list of positionals is one word
  std::vector<std::string> rest{};   ///< what the command or the agent gets, untouched
};

/// Parsers look for options everywhere, so argv is cut before one sees it: at the first "--", and for `run`
/// at its first word that is no option. A word that is not known is an error here, never handed on. Throws
/// base::Error with exit status 2.
Scanned scan(const CommandDoc& tree, const std::vector<std::string>& arguments);

/// What `words`, typed where a command stands, may have meant: the message and hint of the error.
struct Suggestion {
  std::string message{};
  std::string hint{};
};
Suggestion unknown_option(const CommandDoc& tree, const CommandDoc& command, const std::string& word);
Suggestion unknown_command(const CommandDoc& parent, const std::string& word);

}  // namespace claudebox::cli
