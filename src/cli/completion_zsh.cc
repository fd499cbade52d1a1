// See zshcompsys(1), "_arguments".
#include "base/text.h"
#include "cli/completion.h"

namespace claudebox::cli {
namespace {

constexpr const char* kHead = R"sh(#compdef claudebox
# zsh completion for claudebox, made by 'claudebox completion zsh'

_claudebox_values() {
  local -a ids
  ids=(${(f)"$($service __complete $1 2>/dev/null)"})
  ids=(${ids//:/\\:})
  ids=(${ids/$'\t'/:})
  _describe $2 ids
}
_claudebox_instances() { _claudebox_values instances instance }
_claudebox_sessions() { _claudebox_values sessions session }
_claudebox_packages() { _claudebox_values packages package }
_claudebox_profiles() { _claudebox_values profiles profile }

)sh";

/// Characters that mean something to _arguments.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string action(const OptionDoc& option, const CommandDoc& tree) {
  switch (option.completion) {
    case Completion::none:
      return " ";
    case Completion::file:
      return "_files";
    case Completion::directory:
      return "_files -/";
    case Completion::variable:
      return "_parameters -g \"*export*\"";
    case Completion::command:
      return "(" + base::join(visible_names(tree), " ") + ")";
    case Completion::choices:
      return "(" + base::join(option.choices, " ") + ")";
    case Completion::instances:
      return "_claudebox_instances";
    case Completion::packages:
      return "_claudebox_packages";
    case Completion::sessions:
      return "_claudebox_sessions";
    case Completion::profiles:
      return "_claudebox_profiles";
  }
  return " ";
}

void add_option(std::string& out, const OptionDoc& option, const CommandDoc& tree) {
  const std::string exclusive = option.repeatable         ? "*"
                                : option.names.size() > 1 ? "(" + base::join(option.names, " ") + ")"
                                                          : "";
  for (const auto& name : option.names) {
    std::string spec = exclusive + name;
    if (!option.value_name.empty()) spec += "=";
    spec += "[" + plain(option.summary) + "]";
    if (!option.value_name.empty()) spec += ":" + plain(option.value_name) + ":" + action(option, tree);
    out += " \\\n    " + quoted(spec);
  }
}

std::string function_name(const std::string& words) {
  std::string name = "_claudebox_command";
  for (const auto& word : base::split(words, ' ')) name += (word.empty() ? "" : "_") + word;
  return name;
}

std::string arguments(const CommandDoc& command, const CommandDoc& tree) {
  // -A: options of claudebox end at the first word that is none.
  std::string out = "_arguments -s -S -C -A '-*'";
  for (const auto& option : command.options) add_option(out, option, tree);
  return out;
}

std::string leaf(const std::string& words, const CommandDoc& command, const CommandDoc& tree) {
  std::string out = function_name(words) + "() {\n  " + arguments(command, tree);
  if (words == "run") out += " \\\n    '*:::command: _normal'";
  for (const auto& positional : command.positionals)
    out += " \\\n    " + quoted((positional.repeatable ? "*:" : "1:") + plain(positional.value_name) + ":" +
                                action(positional, tree));
  return out + "\n}\n\n";
}

std::string node(const std::string& words, const CommandDoc& command, const CommandDoc& tree) {
  std::string out = function_name(words) +
                    "() {\n  local curcontext=$curcontext state\n  local -a line commands\n  commands=(\n";
  std::string cases;
  for (const auto& sub : command.subcommands) {
    if (sub.hidden) continue;
    const std::string path = words.empty() ? sub.name : words + " " + sub.name;
    out += "    " + quoted(sub.name + ":" + sub.summary) + "\n";
    cases += "      " + sub.name + ") " + function_name(path) + " ;;\n";
  }
  out += "  )\n  " + arguments(command, tree) + " \\\n    '1: :->command' \\\n    '*:: :->rest'\n";
  return out +
         "  case $state in\n    command) _describe 'command' commands ;;\n    rest)\n      case $line[1] "
         "in\n" +
         cases + "      esac ;;\n  esac\n}\n\n";
}

constexpr const char* kTail = R"sh(_claudebox() {
  # What follows "--" is the agent's or the command's own.
  local -i separator=${words[(i)--]}
  if (( separator < CURRENT )); then
    if (( ${words[(I)run]} && ${words[(i)run]} < separator )); then
      shift $separator words
      (( CURRENT -= separator ))
      _normal
    else
      _files
    fi
    return
  fi
  _claudebox_command
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _claudebox "$@"
else
  compdef _claudebox claudebox
fi
)sh";

}  // namespace

std::string zsh_completion(const CommandDoc& tree) {
  std::string out = kHead;
  for (const auto& [words, command] : visible_commands(tree))
    out += command->subcommands.empty() ? leaf(words, *command, tree) : node(words, *command, tree);
  return out + kTail;
}

}  // namespace claudebox::cli
