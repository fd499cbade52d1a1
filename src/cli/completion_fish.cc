#include <algorithm>

#include "base/text.h"
#include "cli/completion.h"

namespace claudebox::cli {
namespace {

/// Says which command the words before the cursor have chosen, so that each line below can be conditional.
std::string walk(const std::string& options_with_value, const std::string& commands) {
  return R"(# fish completion for claudebox, made by 'claudebox completion fish'

# Prints the command that the words before the cursor have chosen; "rest" follows where they are another
# program's already.
function __claudebox_context
    set -l words (commandline -opc)
    set -e words[1]
    set -l chosen ''
    set -l value no
    for word in $words
        if test $value = yes
            set value no
        else if test "$word" = --
            echo (string trim "$chosen rest")
            return
        else if contains -- "$word" )" +
         options_with_value + R"(
            set value yes
        else if string match -q -- '-*' "$word"
            continue
        else if test "$chosen" = run
            echo 'run rest'
            return
        else if contains -- (string trim "$chosen $word") )" +
         commands + R"(
            set chosen (string trim "$chosen $word")
        end
    end
    echo $chosen
end

function __claudebox_at
    test (__claudebox_context | string collect -a) = "$argv"
end

# The words of the command that runs in the box, completed as on their own.
function __claudebox_command
    set -l words (commandline -opc) (commandline -ct)
    set -l at (contains -i -- -- $words; or contains -i -- run $words)
    complete -C (string join ' ' -- (string escape -- $words[(math $at + 1)..-1]))
end

complete -c claudebox -f
)";
}

std::string action(const OptionDoc& option, const CommandDoc& tree) {
  switch (option.completion) {
    case Completion::none:
      return " -x";
    case Completion::file:
      return " -r -F";
    case Completion::directory:
      return " -x -a '(__fish_complete_directories)'";
    case Completion::variable:
      return " -x -a '(set -nx)'";
    case Completion::command:
      return " -x -a " + quoted(base::join(visible_names(tree), " "));
    case Completion::choices:
      return " -x -a " + quoted(base::join(option.choices, " "));
    case Completion::instances:
      return " -x -a '(claudebox __complete instances 2>/dev/null)'";
  }
  return "";
}

std::string line(const std::string& words, const std::string& rest) {
  return "complete -c claudebox -n " + quoted("__claudebox_at " + words) + rest + "\n";
}

std::string option_line(const std::string& words, const OptionDoc& option, const CommandDoc& tree) {
  std::string out;
  for (const auto& name : option.names)
    out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (!option.value_name.empty()) out += action(option, tree);
  return line(words, out + " -d " + quoted(option.summary));
}

}  // namespace

std::string fish_completion(const CommandDoc& tree) {
  std::vector<std::string> valued, commands;
  std::string lines;
  for (const auto& [words, command] : visible_commands(tree)) {
    if (!words.empty()) commands.push_back(quoted(words));
    for (const auto& sub : command->subcommands)
      if (!sub.hidden) lines += line(words, " -a " + sub.name + " -d " + quoted(sub.summary));
    for (const auto& option : command->options) {
      lines += option_line(words, option, tree);
      if (!option.value_name.empty() &&
          std::find(valued.begin(), valued.end(), option.main_name()) == valued.end())
        valued.push_back(option.main_name());
    }
    for (const auto& positional : command->positionals) lines += line(words, action(positional, tree));
  }
  lines += line("run", " -a '(__claudebox_command)'");
  for (const std::string rest : {"run rest", "plan rest"}) lines += line(rest, " -a '(__claudebox_command)'");
  lines += line("rest", " -F");
  return walk(base::join(valued, " "), base::join(commands, " ")) + lines;
}

}  // namespace claudebox::cli
