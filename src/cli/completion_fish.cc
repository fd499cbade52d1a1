#include <algorithm>

#include "base/text.h"
#include "cli/completion.h"

namespace claudebox::cli {
namespace {

/// Says which command the words before the cursor have chosen, so that each line below can be conditional.
std::string walk(const std::string& options_with_value, const std::string& commands) {
  return R"sh(# fish completion for claudebox, made by 'claudebox completion fish'

# Prints the command that the words before the cursor have chosen. Where they are another program's already,
# "rest" is added, and a second line says at which word that program's begin.
function __claudebox_context
    set -l words (commandline -opc)
    set -l chosen ''
    set -l value no
    for index in (seq 2 (count $words))
        set -l word $words[$index]
        if test $value = yes
            set value no
        else if test "$word" = --
            string trim "$chosen rest"
            math $index + 1
            return
        else if contains -- "$word" )sh" +
         options_with_value + R"sh(
            set value yes
        else if string match -q -- '-*' "$word"
            continue
        else if test "$chosen" = run
            echo 'run rest'
            echo $index
            return
        else if contains -- (string trim "$chosen $word") )sh" +
         commands + R"sh(
            set chosen (string trim "$chosen $word")
        end
    end
    echo $chosen
end

function __claudebox_at
    set -l context (__claudebox_context)
    test "$context[1]" = "$argv"
end

# The words of the command that runs in the box, completed as on their own.
function __claudebox_command
    set -l context (__claudebox_context)
    set -l words (commandline -opc)
    set -l own (commandline -ct)
    if set -q context[2]; and test $context[2] -le (count $words)
        set own (string escape -- $words[$context[2]..-1]) $own
    end
    complete -C (string join ' ' -- $own)
end

complete -c claudebox -f
)sh";
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
    case Completion::packages:
      return " -x -a '(claudebox __complete packages 2>/dev/null)'";
    case Completion::sessions:
      return " -x -a '(claudebox __complete sessions 2>/dev/null)'";
    case Completion::profiles:
      return " -x -a '(claudebox __complete profiles 2>/dev/null)'";
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
