#include "cli/docs.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace claudebox::cli {
namespace {

constexpr std::size_t kIndent = 2;
constexpr std::size_t kColumn = 28;

/// "-y, --yes" or "--network TIER".
std::string spelled(const OptionDoc& option) {
  std::string out;
  for (const auto& name : option.names) out += (out.empty() ? "" : ", ") + name;
  if (option.names.size() == 1 && option.names.front().starts_with("--")) out = "    " + out;
  if (!option.value_name.empty()) out += " " + option.value_name;
  return out;
}

class Page {
 public:
  explicit Page(std::size_t width) : width_(std::max<std::size_t>(width, 40)) {}

  void heading(const std::string& text) {
    if (!out_.empty()) out_ += '\n';
    out_ += text + ":\n";
  }
  void paragraph(const std::string& text, std::size_t indent = 0) {
    for (const auto& line : base::wrap(text, width_ - indent)) out_ += std::string(indent, ' ') + line + '\n';
  }
  /// A term with its meaning beside it, or below where the terminal is narrow or the term long.
  void entry(const std::string& term, const std::string& text) {
    const bool beside = width_ >= 60 && kIndent + term.size() + 2 <= kColumn;
    const std::size_t indent = width_ >= 60 ? kColumn : kIndent + 4;
    std::string line = std::string(kIndent, ' ') + term;
    if (!beside) {
      out_ += line + '\n';
      return paragraph(text, indent);
    }
    line.resize(kColumn, ' ');
    for (const auto& part : base::wrap(text, width_ - kColumn)) {
      out_ += line + part + '\n';
      line.assign(kColumn, ' ');
    }
  }
  void blank() { out_ += '\n'; }
  std::string take() { return std::move(out_); }

 private:
  std::size_t width_;
  std::string out_;
};

enum class Detail { one_line, all };

std::string option_meaning(const OptionDoc& option, Detail detail) {
  std::string text = option.summary;
  if (!option.choices.empty()) text += ": " + base::join(option.choices, ", ");
  if (detail == Detail::all) {
    text += ".";
    if (!option.long_doc.empty()) text += " " + option.long_doc;
    if (!option.env.empty()) text += " Else " + option.env + " is read.";
  }
  return text;
}

std::vector<std::string> groups_of(const CommandDoc& command) {
  std::vector<std::string> groups;
  for (const auto& option : command.options)
    if (std::find(groups.begin(), groups.end(), option.group) == groups.end()) groups.push_back(option.group);
  return groups;
}

void add_commands(Page& page, const CommandDoc& command, const std::string& prefix) {
  for (const auto& sub : command.subcommands) {
    if (sub.hidden) continue;
    if (sub.subcommands.empty()) {
      page.entry(prefix + sub.name, sub.summary);
    } else {
      add_commands(page, sub, prefix + sub.name + " ");
    }
  }
}

std::string render(const CommandDoc& tree, const std::string& words, std::size_t width, Detail detail) {
  const CommandDoc* command = find_command(tree, words);
  if (!command) {
    throw base::Error("there is no command '" + words + "' to help with", "claudebox help lists the commands",
                      base::ExitCode::usage);
  }
  Page page(width);
  page.paragraph((command == &tree ? "claudebox " : "claudebox " + words + ": ") + command->summary + ".");
  page.heading("Usage");
  page.paragraph("claudebox " + command->synopsis, kIndent);
  if (detail == Detail::all && !command->long_doc.empty()) {
    page.blank();
    page.paragraph(command->long_doc);
  }
  if (!command->subcommands.empty()) {
    page.heading("Commands");
    add_commands(page, *command, command == &tree ? "" : words + " ");
  }
  if (!command->positionals.empty()) page.heading("Arguments");
  for (const auto& positional : command->positionals)
    page.entry(positional.value_name, option_meaning(positional, detail));
  for (const auto& group : groups_of(*command)) {
    page.heading(group);
    for (const auto& option : command->options)
      if (option.group == group) page.entry(spelled(option), option_meaning(option, detail));
  }
  if (detail == Detail::all) {
    for (const auto& section : command->sections) {
      page.heading(section.title);
      for (const auto& [term, text] : section.terms)
        term.empty() ? page.paragraph(text, kIndent) : page.entry(term, text);
    }
  } else if (command == &tree) {
    page.blank();
    page.paragraph("claudebox --help says more, claudebox help COMMAND what a command takes.");
  }
  return page.take();
}

}  // namespace

const std::string& OptionDoc::main_name() const {
  for (const auto& name : names)
    if (name.starts_with("--")) return name;
  return names.empty() ? value_name : names.front();
}

const CommandDoc* find_command(const CommandDoc& tree, const std::string& words) {
  const CommandDoc* at = &tree;
  if (words.empty()) return at;
  for (const auto& word : base::split(words, ' ')) {
    const auto sub = std::find_if(at->subcommands.begin(), at->subcommands.end(),
                                  [&](const CommandDoc& candidate) { return candidate.name == word; });
    if (sub == at->subcommands.end()) return nullptr;
    at = &*sub;
  }
  return at;
}

std::string short_help(const CommandDoc& tree, const std::string& command, std::size_t width) {
  return render(tree, command, width, Detail::one_line);
}

std::string help(const CommandDoc& tree, const std::string& command, std::size_t width) {
  return render(tree, command, width, Detail::all);
}

}  // namespace claudebox::cli
