#include <algorithm>

#include "base/text.h"
#include "cli/completion.h"

namespace claudebox::cli {
namespace {

/// The walk over the words before the cursor is the same as claudebox's own: values are skipped, "--" and the
/// first word after `run` end it. ':' and '=' are words of their own here (COMP_WORDBREAKS).
constexpr const char* kWalk = R"sh(_claudebox() {
    local current=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]}
    local command='' option='' index word
    COMPREPLY=()
    [[ $current == '=' || $current == ':' ]] && current=''
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ $word == ':' ]]; then
            ((++index >= COMP_CWORD)) && return
        elif [[ $word == '=' ]]; then
            continue
        elif [[ -n $option ]]; then
            option=''
        elif [[ $word == -- ]]; then
            _claudebox_rest "$command" $((index + 1))
            return
        elif [[ $word == -* ]]; then
            _claudebox_takes_value "$word" && option=$word
        elif [[ $command == run ]]; then
            _claudebox_rest run "$index"
            return
        else
            _claudebox_enter "${command:+$command }$word"
        fi
    done
    if [[ -n $option ]]; then
        _claudebox_value "$option"
    elif [[ $current == -* ]]; then
        _claudebox_words "$(_claudebox_options "$command")"
    else
        _claudebox_positional "$command"
    fi
}

_claudebox_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
}

_claudebox_paths() {
    mapfile -t COMPREPLY < <(compgen "$1" -- "$current")
    compopt -o filenames 2>/dev/null
}

_claudebox_values() {
    _claudebox_words "$("$program" __complete "$1" 2>/dev/null | cut -f1)"
}

# After "--" or the command of run: the agent's or the command's own words.
_claudebox_rest() {
    if [[ $1 != run && $1 != plan ]]; then
        _claudebox_paths -f
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$2"
    elif ((COMP_CWORD == $2)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$current")
    else
        _claudebox_paths -f
    fi
}
)sh";

std::string words_of(const CommandDoc& command) {
  std::vector<std::string> names;
  for (const auto& option : command.options)
    names.insert(names.end(), option.names.begin(), option.names.end());
  return base::join(names, " ");
}

std::string action(const OptionDoc& option, const CommandDoc& tree) {
  switch (option.completion) {
    case Completion::none:
      return ":";
    case Completion::file:
      return "_claudebox_paths -f";
    case Completion::directory:
      return "_claudebox_paths -d";
    case Completion::variable:
      return "mapfile -t COMPREPLY < <(compgen -e -- \"$current\")";
    case Completion::command:
      return "_claudebox_words " + quoted(base::join(visible_names(tree), " "));
    case Completion::choices:
      return "_claudebox_words " + quoted(base::join(option.choices, " "));
    case Completion::instances:
      return "_claudebox_values instances";
    case Completion::sessions:
      return "_claudebox_values sessions";
    case Completion::packages:
      return "_claudebox_values packages";
    case Completion::profiles:
      return "_claudebox_values profiles";
  }
  return ":";
}

std::string function(const std::string& name, const std::string& subject, const std::string& cases) {
  return "\n" + name + "() {\n    case " + subject + " in\n" + cases + "    esac\n}\n";
}

}  // namespace

std::string bash_completion(const CommandDoc& tree) {
  std::string enter, takes, values, options, positionals;
  std::vector<std::string> done;
  for (const auto& [words, command] : visible_commands(tree)) {
    if (!words.empty()) enter += "    " + quoted(words) + ") command=" + quoted(words) + " ;;\n";
    options += "    " + quoted(words) + ") echo " + quoted(words_of(*command)) + " ;;\n";
    if (!command->subcommands.empty()) {
      positionals += "    " + quoted(words) + ") _claudebox_words " +
                     quoted(base::join(visible_names(*command), " ")) + " ;;\n";
    } else if (words == "run") {
      positionals += "    'run') _claudebox_rest run \"$COMP_CWORD\" ;;\n";
    } else if (!command->positionals.empty()) {
      positionals += "    " + quoted(words) + ") " + action(command->positionals.front(), tree) + " ;;\n";
    }
    for (const auto& option : command->options) {
      if (option.value_name.empty() || std::find(done.begin(), done.end(), option.main_name()) != done.end())
        continue;
      done.push_back(option.main_name());
      takes += (takes.empty() ? "" : " | ") + option.main_name();
      values += "    " + option.main_name() + ") " + action(option, tree) + " ;;\n";
    }
  }
  return "# bash completion for claudebox, made by 'claudebox completion bash'\n\n" + std::string(kWalk) +
         function("_claudebox_enter", "$1", enter) +
         function("_claudebox_takes_value", "$1", "    " + takes + ") return 0 ;;\n    *) return 1 ;;\n") +
         function("_claudebox_value", "$1", values) + function("_claudebox_options", "$1", options) +
         function("_claudebox_positional", "$1", positionals) + "\ncomplete -F _claudebox claudebox\n";
}

}  // namespace claudebox::cli
