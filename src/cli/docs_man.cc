// claudebox(1) in roff, see man(7) and groff_man_style(7).
#include <algorithm>

#include "base/text.h"
#include "cli/docs.h"

namespace claudebox::cli {
namespace {

/// Text in roff: a dash that is typed must not become a hyphen, a line must not start as a request.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '~') {
      out += "\\(ti";
    } else if (c == '^') {
      out += "\\(ha";
    } else if (c == '\'') {
      out += "\\(aq";
    } else {
      out += c;
    }
  }
  return out.starts_with('.') ? "\\&" + out : out;
}

std::string bold(const std::string& text) {
  return "\\fB" + roff(text) + "\\fP";
}
std::string italic(const std::string& text) {
  return "\\fI" + roff(text) + "\\fP";
}

std::string option_term(const OptionDoc& option) {
  std::string out;
  for (const auto& name : option.names) out += (out.empty() ? "" : ", ") + bold(name);
  if (!option.value_name.empty()) out += (out.empty() ? "" : " ") + italic(option.value_name);
  return out;
}

void add_term(std::string& out, const std::string& term, const std::string& text) {
  out += ".TP\n" + term + "\n" + text + "\n";
}

std::string option_text(const OptionDoc& option) {
  std::string text = option.summary;
  if (!option.choices.empty()) text += ": " + base::join(option.choices, ", ");
  text += ".";
  if (!option.long_doc.empty()) text += " " + option.long_doc;
  if (!option.env.empty()) text += " Else " + option.env + " is read.";
  return roff(text);
}

void add_options(std::string& out, const std::vector<OptionDoc>& options) {
  for (const auto& option : options) add_term(out, option_term(option), option_text(option));
}

bool same_option(const OptionDoc& a, const OptionDoc& b) {
  return a.names == b.names && a.long_doc == b.long_doc;
}

/// What a command has beyond the options that are described once for all of them.
std::vector<OptionDoc> own_options(const CommandDoc& tree, const CommandDoc& command) {
  std::vector<OptionDoc> own;
  for (const auto& option : command.options)
    if (std::none_of(tree.options.begin(), tree.options.end(),
                     [&](const OptionDoc& known) { return same_option(known, option); }))
      own.push_back(option);
  return own;
}

void add_synopsis(std::string& out, const CommandDoc& command) {
  if (command.hidden) return;
  for (const auto& sub : command.subcommands) add_synopsis(out, sub);
  if (command.subcommands.empty()) out += ".br\n.B claudebox\n" + roff(command.synopsis) + "\n";
}

void add_command(std::string& out, const CommandDoc& tree, const CommandDoc& command) {
  if (command.hidden) return;
  if (command.subcommands.empty()) out += ".SS " + roff("claudebox " + command.synopsis) + "\n";
  if (command.subcommands.empty()) {
    std::string text = command.summary + ".";
    text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
    if (!command.long_doc.empty()) text += " " + command.long_doc;
    out += roff(text) + "\n";
    add_options(out, command.positionals);
    add_options(out, own_options(tree, command));
  }
  for (const auto& sub : command.subcommands) add_command(out, tree, sub);
}

}  // namespace

std::string man_page(const CommandDoc& tree, const std::string& version) {
  std::string out = "'\\\" t\n.\\\" Made by claudebox from its command tree.\n";
  out += ".TH CLAUDEBOX 1 \"\" \"claudebox " + roff(version) + "\" \"User Commands\"\n";
  out += ".nh\n.SH NAME\nclaudebox \\- " + roff(tree.summary) + "\n";
  out += ".SH SYNOPSIS\n.B claudebox\n" + roff(tree.synopsis) + "\n";
  for (const auto& sub : tree.subcommands) add_synopsis(out, sub);
  out += ".SH DESCRIPTION\n" + roff(tree.long_doc) + "\n";
  out += ".SH COMMANDS\n";
  for (const auto& sub : tree.subcommands) add_command(out, tree, sub);
  out += ".SH OPTIONS\nOf claudebox itself and of the commands that start a box.\n";
  add_options(out, tree.options);
  for (const auto& section : tree.sections) {
    out += ".SH " +
           (section.title.find(' ') == std::string::npos ? section.title : "\"" + section.title + "\"") +
           "\n";
    for (const auto& [term, text] : section.terms)
      term.empty() ? void(out += roff(text) + "\n") : add_term(out, bold(term), roff(text));
  }
  out += ".SH SEE ALSO\n.BR bwrap (1),\n.BR git (1),\n.BR user_namespaces (7)\n";
  return out;
}

}  // namespace claudebox::cli
