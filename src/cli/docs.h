// Help, man page and completions from plain values. Does not know the parser.
#pragma once

#include <string>
#include <vector>

namespace claudebox::cli {

enum class Completion { none, file, directory, command, choices, instances };

struct OptionDoc {
  std::vector<std::string> names{};  ///< "--network", "-q"
  std::string value_name{};          ///< empty: takes none
  std::vector<std::string> choices{};
  std::string env{};                 ///< variable that gives its default
  std::string group{};
  std::string summary{};
  std::string long_doc{};
  Completion completion = Completion::none;
  bool repeatable = false;
};

struct CommandDoc {
  std::string name{};
  std::string synopsis{};
  std::string summary{};
  std::string long_doc{};
  std::vector<OptionDoc> options{};
  std::vector<CommandDoc> subcommands{};
};

std::string help(const CommandDoc& tree, const std::string& command, std::size_t width);
std::string man_page(const CommandDoc& tree, const std::string& version);  ///< claudebox(1), roff
std::string completion_script(const CommandDoc& tree, const std::string& shell);  ///< bash, zsh or fish

}  // namespace claudebox::cli
