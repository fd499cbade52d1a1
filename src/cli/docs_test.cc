#include "cli/docs.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "base/text.h"
#include "cli/app.h"
#include "cli/completion.h"
#include "cli/reference.h"

namespace claudebox::cli {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

/// A dash in roff.
std::string in_roff(const std::string& name) {
  std::string out;
  for (const char c : name) out += c == '-' ? std::string("\\-") : std::string(1, c);
  return out;
}

/// The completeness test: whatever is in the tree is documented and completed, everywhere.
TEST(Docs, EveryCommandIsDocumented) {
  const CommandDoc tree = command_tree();
  const std::string man = man_page(tree, "1.2.3");
  for (const auto& [words, command] : visible_commands(tree)) {
    SCOPED_TRACE("claudebox " + words);
    EXPECT_FALSE(command->summary.empty());
    EXPECT_FALSE(command->long_doc.empty());
    EXPECT_FALSE(command->synopsis.empty());
    EXPECT_THAT(short_help(tree, words, 80), HasSubstr(command->summary.substr(0, 10)));
    EXPECT_THAT(help(tree, words, 10000), HasSubstr(command->long_doc));
    if (command->subcommands.empty()) {
      EXPECT_THAT(man, HasSubstr(".SS claudebox " + in_roff(words)));
    }
    for (const std::string shell : {"bash", "zsh", "fish"})
      for (const auto& word : base::split(words, ' '))
        EXPECT_THAT(completion_script(tree, shell), HasSubstr(word));
  }
}

/// Options whose values nobody can guess.
constexpr std::array<std::string_view, 8> kFreeValues = {"--instance", "--allow", "--as",      "--package",
                                                         "--lan",      "--limit", "--publish", "--reach"};

TEST(Docs, EveryOptionIsDocumentedAndCompleted) {
  const CommandDoc tree = command_tree();
  const std::string man = man_page(tree, "1.2.3");
  std::map<std::string, std::string> scripts;
  for (const std::string shell : {"bash", "zsh", "fish"}) scripts[shell] = completion_script(tree, shell);
  for (const auto& [words, command] : visible_commands(tree)) {
    for (const auto& option : command->options) {
      SCOPED_TRACE("claudebox " + words + " " + option.main_name());
      EXPECT_FALSE(option.summary.empty());
      EXPECT_FALSE(option.long_doc.empty());
      EXPECT_FALSE(option.group.empty());
      EXPECT_TRUE(option.completion != Completion::none || option.value_name.empty() ||
                  std::find(kFreeValues.begin(), kFreeValues.end(), option.main_name()) != kFreeValues.end())
          << "a value without a completion";
      for (const auto& name : option.names) {
        EXPECT_THAT(short_help(tree, words, 80), HasSubstr(name));
        EXPECT_THAT(help(tree, words, 80), HasSubstr(name));
        EXPECT_THAT(man, HasSubstr("\\fB" + in_roff(name) + "\\fP"));
        EXPECT_THAT(scripts["bash"], HasSubstr(name));
        EXPECT_THAT(scripts["zsh"], HasSubstr(name));
        EXPECT_THAT(scripts["fish"],
                    HasSubstr(name.starts_with("--") ? "-l " + name.substr(2) : "-s " + name.substr(1)));
      }
      for (const auto& choice : option.choices)
        for (const auto& [shell, script] : scripts) EXPECT_THAT(script, HasSubstr(choice));
    }
    for (const auto& positional : command->positionals) {
      EXPECT_FALSE(positional.summary.empty());
      EXPECT_FALSE(positional.value_name.empty());
      EXPECT_NE(positional.completion, Completion::none);
    }
  }
}

TEST(Docs, NoTextIsLeftOver) {
  const CommandDoc tree = command_tree();
  std::set<std::string> options;
  for (const auto& [words, command] : visible_commands(tree))
    for (const auto& option : command->options) options.insert(option.main_name());
  for (const auto& name : documented_options()) EXPECT_THAT(options, Contains(name));
  for (const auto& words : documented_commands()) EXPECT_TRUE(find_command(tree, words)) << words;
}

TEST(Docs, HiddenCommandsShowNowhere) {
  const CommandDoc tree = command_tree();
  EXPECT_THAT(help(tree, "", 80), Not(HasSubstr("__")));
  EXPECT_THAT(man_page(tree, "1"), Not(HasSubstr("__man")));
}

TEST(Docs, TheManPageHasItsSections) {
  const std::string man = man_page(command_tree(), "1.2.3");
  for (const std::string section : {"NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS",
                                    "\"EXIT STATUS\"", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"})
    EXPECT_THAT(man, HasSubstr("\n.SH " + section + "\n"));
  EXPECT_THAT(man, HasSubstr("1.2.3"));
}

TEST(Docs, NoLineIsWiderThanTheTerminal) {
  const CommandDoc tree = command_tree();
  for (const std::size_t width : {40U, 59U, 60U, 80U, 100U})
    for (const auto& [words, command] : visible_commands(tree))
      for (const auto& line : base::split(short_help(tree, words, width), '\n'))
        EXPECT_LE(line.size(), width) << line;
}

TEST(Docs, TextFromOneLineSurvivesRoff) {
  const CommandDoc tree{
      .name = "claudebox", .summary = "x", .long_doc = ".not a request, 'quote' back\\slash ~ ^"};
  EXPECT_THAT(man_page(tree, "1"),
              HasSubstr("\n\\&.not a request, \\(aqquote\\(aq back\\eslash \\(ti \\(ha\n"));
}

/// Runs `command` in sh; its output, and its status in `status`.
std::string shell(const std::string& command, int& status) {
  std::string out;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (!pipe) return out;
  char buffer[4096];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) out.append(buffer, got);
  status = ::pclose(pipe);
  return out;
}

class Scripts : public testing::Test {
 protected:
  Scripts() {
    for (const std::string name : {"bash", "zsh", "fish"})
      std::ofstream(path(name)) << completion_script(command_tree(), name);
    std::ofstream(path("1")) << man_page(command_tree(), "1.2.3");
  }
  ~Scripts() override {
    int status = 0;
    shell("rm -r " + directory_, status);
  }
  const std::string& directory() const { return directory_; }
  std::string path(const std::string& extension) const { return directory_ + "/claudebox." + extension; }

  /// What bash offers with the cursor after the last of `words`.
  std::vector<std::string> bash_offers(const std::string& words) {
    int status = 0;
    const std::string script =
        "source " + path("bash") + "; claudebox() { printf 'cafe\\tx\\n'; }; COMP_WORDS=(" + words +
        "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _claudebox; printf '%s\\n' \"${COMPREPLY[@]}\"";
    std::ofstream(path("driver")) << script;
    const std::string out = shell("cd " + directory_ + " && bash --norc " + path("driver") + " 2>&1", status);
    return base::split(base::trim(out), '\n');
  }

 private:
  static std::string make_directory() {
    std::string name = "/tmp/claudebox-docs-XXXXXX";
    if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary directory");
    return name;
  }
  std::string directory_ = make_directory();
};

TEST_F(Scripts, Parse) {
  for (const std::string name : {"bash", "zsh", "fish"}) {
    int status = -1;
    EXPECT_EQ(shell(name + " -n " + path(name) + " 2>&1", status), "");
    EXPECT_EQ(status, 0) << name;
  }
}

TEST_F(Scripts, TheManPageIsClean) {
  int status = -1;
  EXPECT_EQ(shell("man --warnings -l " + path("1") + " 2>&1 >/dev/null", status), "");
  EXPECT_EQ(status, 0);
}

TEST_F(Scripts, BashCompletes) {
  EXPECT_THAT(bash_offers("claudebox --net"), testing::ElementsAre("--network"));
  EXPECT_THAT(bash_offers("claudebox --network ''"),
              testing::ElementsAre("internet", "allowlist", "offline", "full"));
  EXPECT_THAT(bash_offers("claudebox --network = of"), testing::ElementsAre("offline"));
  EXPECT_THAT(bash_offers("claudebox ins"), testing::ElementsAre("instance"));
  EXPECT_THAT(bash_offers("claudebox instance ''"), testing::ElementsAre("list", "show", "path", "rm", "gc"));
  EXPECT_THAT(bash_offers("claudebox instance rm ''"), testing::ElementsAre("cafe"));
  EXPECT_THAT(bash_offers("claudebox completion z"), testing::ElementsAre("zsh"));
  EXPECT_THAT(bash_offers("claudebox help ins"), testing::ElementsAre("instance"));
  EXPECT_THAT(bash_offers("claudebox check --"), testing::ElementsAre("--json", "--help"));
  EXPECT_THAT(bash_offers("claudebox --env HOM"), Contains("HOME"));
  EXPECT_THAT(bash_offers("claudebox --network full run --network offline bas"), Contains("bash"));
  EXPECT_THAT(bash_offers("claudebox run --mount /a : /b : ro mak"), Not(Contains("--network")));
  EXPECT_THAT(bash_offers("claudebox run make --"), Not(Contains("--network")));
  EXPECT_THAT(bash_offers("claudebox -- --net"), Not(Contains("--network")));
  EXPECT_THAT(bash_offers("claudebox -- claudebox.z"), testing::ElementsAre("claudebox.zsh"));
}

TEST_F(Scripts, FishCompletes) {
  const auto offers = [&](const std::string& line) {
    int status = 0;
    const std::string out =
        shell("cd " + directory() +
                  "; export HOME=$PWD XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD; fish -c \"source " +
                  path("fish") + "; complete -C '" + line + "'\" 2>&1",
              status);
    std::vector<std::string> names;
    for (const auto& entry : base::split(base::trim(out), '\n'))
      names.push_back(entry.substr(0, entry.find('\t')));
    return names;
  };
  EXPECT_THAT(offers("claudebox --net"), testing::ElementsAre("--network"));
  EXPECT_THAT(offers("claudebox --network "),
              testing::UnorderedElementsAre("full", "offline", "internet", "allowlist"));
  EXPECT_THAT(offers("claudebox instance "),
              testing::UnorderedElementsAre("list", "show", "path", "rm", "gc"));
  EXPECT_THAT(offers("claudebox --network full completion "),
              testing::UnorderedElementsAre("bash", "zsh", "fish"));
  EXPECT_THAT(offers("claudebox check --j"), testing::ElementsAre("--json"));
  EXPECT_THAT(offers("claudebox run --network offline bas"), Contains("bash"));
  EXPECT_THAT(offers("claudebox run --network offline git --vers"), Contains("--version"));
  EXPECT_THAT(offers("claudebox run -- git --vers"), Contains("--version"));
  EXPECT_THAT(offers("claudebox run git --net"), Not(Contains("--network")));
}

}  // namespace
}  // namespace claudebox::cli
