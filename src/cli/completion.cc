#include "cli/completion.h"

#include "base/error.h"

namespace claudebox::cli {
namespace {

void collect(const CommandDoc& command, const std::string& words,
             std::vector<std::pair<std::string, const CommandDoc*>>& out) {
  if (command.hidden) return;
  out.emplace_back(words, &command);
  for (const auto& sub : command.subcommands)
    collect(sub, words.empty() ? sub.name : words + " " + sub.name, out);
}

}  // namespace

std::vector<std::pair<std::string, const CommandDoc*>> visible_commands(const CommandDoc& tree) {
  std::vector<std::pair<std::string, const CommandDoc*>> out;
  collect(tree, "", out);
  return out;
}

std::vector<std::string> visible_names(const CommandDoc& command) {
  std::vector<std::string> names;
  for (const auto& sub : command.subcommands)
    if (!sub.hidden) names.push_back(sub.name);
  return names;
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "\u2019";
    } else {
      out += c;
    }
  }
  return out += '\'';
}

std::string completion_script(const CommandDoc& tree, const std::string& shell) {
  if (shell == "bash") return bash_completion(tree);
  if (shell == "zsh") return zsh_completion(tree);
  if (shell == "fish") return fish_completion(tree);
  throw base::Error("no completion for the shell '" + shell + "'", "one of: bash, zsh, fish",
                    base::ExitCode::usage);
}

}  // namespace claudebox::cli
