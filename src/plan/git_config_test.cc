#include "plan/git_config.h"

#include <gmock/gmock.h>

namespace claudebox::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// git-config(1), "Syntax"
TEST(GitConfig, ReadsWhatGitReads) {
  EXPECT_THAT(parse_git_config("[core]\n\tbare = false\n\tHooksPath=a b \n"),
              ElementsAre(GitConfigEntry{"core", "", "bare", "false"},
                          GitConfigEntry{"core", "", "hookspath", "a b"}));
  EXPECT_THAT(parse_git_config("[Remote \"a \\\"b\\\" ]\"] URL = x ; comment\n"),
              ElementsAre(GitConfigEntry{"remote", "a \"b\" ]", "url", "x"}));
  EXPECT_THAT(parse_git_config("[branch.main] merge = x # c\n"),
              ElementsAre(GitConfigEntry{"branch", "main", "merge", "x"}));
  EXPECT_THAT(parse_git_config("[a]b=\" x # y \"\\t\\\"\n"),
              ElementsAre(GitConfigEntry{"a", "", "b", " x # y \t\""}));
  EXPECT_THAT(parse_git_config("[a]b=one\\\n two\n"), ElementsAre(GitConfigEntry{"a", "", "b", "one two"}));
  EXPECT_THAT(parse_git_config("[a]\nb\n"), ElementsAre(GitConfigEntry{"a", "", "b", "true"}));
  EXPECT_THAT(parse_git_config("\xef\xbb\xbf[a]\r\nb = c\r\n"),
              ElementsAre(GitConfigEntry{"a", "", "b", "c"}));
}

TEST(GitConfig, PassesOverWhatIsMalformed) {
  EXPECT_THAT(parse_git_config("b = 1\n[a\nc = 2\n"), IsEmpty());
  EXPECT_THAT(parse_git_config("[a]\n= 1\n?? = 2\nd = 3\n"), ElementsAre(GitConfigEntry{"a", "", "d", "3"}));
  EXPECT_THAT(parse_git_config(std::string("\0[a\0]\0b=\0", 9)), IsEmpty());
  for (const std::string text : {"[", "[a", "[a \"", "[a]b=\"", "[a]b=\\", "#", ";", "\\"})
    parse_git_config(text);
}

TEST(GitConfig, TheLastValueWins) {
  const auto entries = parse_git_config("[core]a=1\n[core \"x\"]a=2\n[core]a=3\n");
  EXPECT_EQ(git_config_value(entries, "core", "a"), "3");
  EXPECT_EQ(git_config_value(entries, "core", "b"), std::nullopt);
}

TEST(GitConfig, QuotedValuesComeBack) {
  for (const std::string value : {"", " a ", "a\"b\\c", "# no comment ;", "line\nbreak\ttab", "ümlaut"}) {
    const auto entries = parse_git_config("[a]\nb = " + git_config_quote(value) + "\n");
    ASSERT_EQ(entries.size(), 1U) << value;
    EXPECT_EQ(entries[0].value, value);
  }
}

}  // namespace
}  // namespace claudebox::plan
