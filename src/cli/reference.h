// What there is to say about each command and option beyond one line. Only text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/docs.h"

namespace claudebox::cli {

/// The long text of an option ("--network"); of `command` where it differs there. Empty where there is none.
std::string option_text(std::string_view option, std::string_view command);
/// The long text of a command ("instance list"; "" for claudebox itself).
std::string command_text(std::string_view command);
/// Tiers, exit status, environment, files, examples: the sections of the man page that belong to no command.
std::vector<SectionDoc> reference_sections();

/// The options and commands that have a text, for the test that none is stale.
std::vector<std::string> documented_options();
std::vector<std::string> documented_commands();

}  // namespace claudebox::cli
