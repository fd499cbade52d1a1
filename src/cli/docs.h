// Help, man page and completions from plain values. Does not know the parser.
#pragma once

#include <string>
#include <vector>

namespace claudebox::cli {

/// What a shell offers for a value. `command` is one of claudebox's own commands.
enum class Completion {
  none,
  file,
  directory,
  variable,
  command,
  choices,
  instances,
  sessions,
  profiles,
  packages
};

struct OptionDoc {
  std::vector<std::string> names{};  ///< "--network", "-q"; empty for a positional
  std::string value_name{};          ///< empty: takes none
  std::vector<std::string> choices{};
  std::string env{};  ///< variable that gives its default
  std::string group{};
  std::string summary{};
  std::string long_doc{};
  Completion completion = Completion::none;
  bool repeatable = false;
  bool required = false;  ///< a positional that must be there

  /// "--network": the first long name, else the first name.
  const std::string& main_name() const;
};

/// A term and what it means; without a term a paragraph.
struct TermDoc {
  std::string term{};
  std::string text{};
};

/// A section that belongs to no command: exit status, environment, files.
struct SectionDoc {
  std::string title{};
  std::vector<TermDoc> terms{};
};

struct CommandDoc {
  std::string name{};
  std::string synopsis{};  ///< what stands after "claudebox"
  std::string summary{};
  std::string long_doc{};
  bool hidden = false;   ///< for claudebox's own scripts: neither in help nor completed
  bool command = false;  ///< takes a command line of its own from the first word on
  std::vector<OptionDoc> options{};
  std::vector<OptionDoc> positionals{};
  std::vector<CommandDoc> subcommands{};
  std::vector<SectionDoc> sections{};  ///< of the root only
};

/// The command at "instance list" below `tree`; null where there is none. "" is the root itself.
const CommandDoc* find_command(const CommandDoc& tree, const std::string& words);

/// One line for each command and option.
std::string short_help(const CommandDoc& tree, const std::string& command, std::size_t width);
/// The same with everything that there is to say.
std::string help(const CommandDoc& tree, const std::string& command, std::size_t width);
std::string man_page(const CommandDoc& tree, const std::string& version);         ///< claudebox(1), roff
std::string completion_script(const CommandDoc& tree, const std::string& shell);  ///< bash, zsh or fish

}  // namespace claudebox::cli
