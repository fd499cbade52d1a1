#include "cli/scan.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"
#include "base/text.h"

namespace claudebox::cli {
namespace {

/// Spellings of the older claudebox, and the commands that they became.
struct OlderSpelling {
  std::string_view option, command;
};
constexpr std::array<OlderSpelling, 5> kOlder = {{{"--check", "check"},
                                                  {"--shell", "shell"},
                                                  {"--gc", "instance gc"},
                                                  {"--list-profiles", "profile list"},
                                                  {"--show-profile", "profile show"}}};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

[[noreturn]] void fail(Suggestion suggestion) {
  throw base::Error(std::move(suggestion.message), std::move(suggestion.hint), base::ExitCode::usage);
}

bool looks_like_option(const std::string& word) {
  return word.size() > 1 && word.front() == '-';
}

const OptionDoc* find_option(const CommandDoc& command, std::string_view name) {
  for (const auto& option : command.options)
    if (std::find(option.names.begin(), option.names.end(), name) != option.names.end()) return &option;
  return nullptr;
}

std::string spoken(const std::string& command) {
  return command.empty() ? "claudebox" : "claudebox " + command;
}

class Scan {
 public:
  Scan(const CommandDoc& tree, const std::vector<std::string>& arguments)
      : tree_(tree), arguments_(arguments), command_(&tree) {}

  Scanned run() {
    while (at_ < arguments_.size() && !ended_) {
      const std::string& word = arguments_[at_++];
      if (word == "--") {
        take_rest();
      } else if (looks_like_option(word)) {
        option(word);
      } else {
        plain(word);
      }
    }
    check_options_before_command();
    check_complete();
    if (!positionals_.empty() && command_->positionals.back().repeatable)
      positionals_ = {base::join(positionals_, " ")};
    out_.words.insert(out_.words.end(), positionals_.begin(), positionals_.end());
    return std::move(out_);
  }

 private:
  void take_rest() {
    const bool takes = command_->command || command_ == &tree_;
    if (!takes && at_ < arguments_.size())
      fail({"'" + spoken(out_.command) + "' takes nothing after --",
            "see " + spoken(out_.command) + " --help"});
    out_.rest.assign(arguments_.begin() + static_cast<std::ptrdiff_t>(at_), arguments_.end());
    ended_ = true;
  }

  void option(const std::string& word) {
    for (const auto& older : kOlder)
      if (word == older.option && command_ == &tree_) return enter(std::string(older.command));
    if (word.starts_with("--")) return long_option(word);
    // -yq is -y -q; no short option takes a value.
    for (const char letter : word.substr(1)) {
      const std::string name = std::string("-") + letter;
      if (!find_option(*command_, name)) fail(unknown_option(tree_, *command_, word));
      seen_.push_back(name);
      out_.words.push_back(name);
    }
  }

  void long_option(const std::string& word) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const OptionDoc* known = find_option(*command_, name);
    if (!known) fail(unknown_option(tree_, *command_, name));
    seen_.push_back(name);
    if (known->value_name.empty()) {
      if (equals != std::string::npos)
        fail({name + " takes no value", "write " + name + " alone, or leave it out"});
      out_.words.push_back(word);
      return;
    }
    // In one word, so that no later reader takes a value for an option.
    out_.words.push_back(equals == std::string::npos ? name + "=" + value_of(name, *known) : word);
    if (out_.words.back().size() == name.size() + 1)
      fail({name + " needs a value: " + name + " " + known->value_name, "an empty one means nothing here"});
  }

  std::string value_of(const std::string& name, const OptionDoc& option) {
    const std::string wanted = name + " needs a value: " + name + " " + option.value_name;
    if (at_ == arguments_.size()) fail({wanted, "see " + spoken(out_.command) + " --help"});
    const std::string& value = arguments_[at_];
    if (looks_like_option(value))
      fail({wanted, "a value that starts with a dash is written " + name + "=" + value});
    ++at_;
    return value;
  }

  void plain(const std::string& word) {
    const bool names_command = std::any_of(command_->subcommands.begin(), command_->subcommands.end(),
                                           [&](const CommandDoc& sub) { return sub.name == word; });
    if (names_command && positionals_.empty()) {
      enter(out_.command.empty() ? word : out_.command + " " + word);
    } else if (command_->name == "run") {
      --at_;
      take_rest();
    } else if (takes_another_positional()) {
      positionals_.push_back(word);
    } else {
      fail(unexpected(word));
    }
  }

  bool takes_another_positional() const {
    return positionals_.size() < command_->positionals.size() ||
           (!command_->positionals.empty() && command_->positionals.back().repeatable);
  }

  Suggestion unexpected(const std::string& word) const {
    if (!command_->subcommands.empty()) return unknown_command(*command_, word);
    const std::string hint =
        command_->command
            ? "what is for the box goes after --: " + spoken(out_.command) + " -- " + base::shell_quote(word)
            : "see " + spoken(out_.command) + " --help";
    return {"unexpected argument '" + word + "' for '" + spoken(out_.command) + "'", hint};
  }

  void enter(const std::string& command) {
    out_.command = command;
    command_ = find_command(tree_, command);
  }

  /// `claudebox --network offline run make` is fine, `claudebox --network offline check` means nothing.
  void check_options_before_command() {
    for (const auto& name : seen_)
      if (!find_option(*command_, name))
        fail({name + " means nothing to '" + spoken(out_.command) + "'", "leave it out"});
  }

  void check_complete() const {
    const bool asks_help = std::find(seen_.begin(), seen_.end(), "--help") != seen_.end() ||
                           std::find(seen_.begin(), seen_.end(), "-h") != seen_.end();
    if (asks_help) return;
    if (command_ != &tree_ && !command_->subcommands.empty()) {
      std::vector<std::string> names;
      names.reserve(command_->subcommands.size());
      for (const auto& sub : command_->subcommands) names.push_back(sub.name);
      fail({"'" + spoken(out_.command) + "' needs a command", "one of: " + base::join(names, ", ")});
    }
    for (std::size_t i = positionals_.size(); i < command_->positionals.size(); ++i)
      if (command_->positionals[i].required)
        fail({"'" + spoken(out_.command) + "' needs " + command_->positionals[i].value_name + ", " +
                  command_->positionals[i].summary,
              "see " + spoken(out_.command) + " --help"});
  }

  const CommandDoc& tree_;
  const std::vector<std::string>& arguments_;
  const CommandDoc* command_;
  std::size_t at_ = 0;
  bool ended_ = false;
  std::vector<std::string> seen_;
  std::vector<std::string> positionals_;
  Scanned out_;
};

}  // namespace

Scanned scan(const CommandDoc& tree, const std::vector<std::string>& arguments) {
  return Scan(tree, arguments).run();
}

Suggestion unknown_option(const CommandDoc& tree, const CommandDoc& command, const std::string& word) {
  std::vector<std::string> names;
  for (const auto& option : command.options)
    names.insert(names.end(), option.names.begin(), option.names.end());
  if (&command == &tree)
    for (const auto& older : kOlder) names.emplace_back(older.option);
  std::vector<std::string> hints;
  // Between one-letter options every other one is "near".
  if (const auto near = word.starts_with("--") ? base::nearest(word, names) : std::nullopt)
    hints.push_back("did you mean " + *near + "?");
  if (&command == &tree)
    hints.push_back("what is for the agent goes after --: claudebox -- " + base::shell_quote(word));
  if (command.name == "run")
    hints.push_back("options of the command go after it: claudebox run COMMAND " + base::shell_quote(word));
  if (hints.empty()) hints.push_back("see claudebox help");
  return {"unknown option '" + word + "'", base::join(hints, "\n")};
}

Suggestion unknown_command(const CommandDoc& parent, const std::string& word) {
  const bool root = parent.name == "claudebox";
  std::vector<std::string> names;
  for (const auto& sub : parent.subcommands)
    if (!sub.hidden) names.push_back(sub.name);
  std::vector<std::string> hints;
  if (const auto near = base::nearest(word, names)) hints.push_back("did you mean '" + *near + "'?");
  if (root) {
    hints.push_back("to run a command in the box: claudebox run " + base::shell_quote(word));
    hints.push_back("what is for the agent goes after --: claudebox -- " + base::shell_quote(word));
  } else {
    hints.push_back("one of: " + base::join(names, ", "));
  }
  return {"unknown command '" + word + "'", base::join(hints, "\n")};
}

}  // namespace claudebox::cli
