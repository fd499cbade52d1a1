#include "profile/import.h"

#include <gmock/gmock.h>

#include "profile/parse.h"
#include "profile_host.h"

namespace claudebox::profile {
namespace {

using claudebox::testing::all_of;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ShellImport : public ::testing::Test {
 protected:
  std::string good(const std::string& text) {
    base::Diagnostics problems;
    const auto toml = import_shell_profile({"old.sh", text, ""}, {host_, {}}, problems);
    EXPECT_TRUE(toml) << text << all_of(problems);
    if (!toml) return {};
    parse({"new.toml", *toml, ""}, {host_, {}}, 1, problems);
    EXPECT_TRUE(problems.empty()) << *toml << all_of(problems);
    return *toml;
  }
  std::string bad(const std::string& text) {
    base::Diagnostics problems;
    EXPECT_FALSE(import_shell_profile({"old.sh", text, ""}, {host_, {}}, problems)) << text;
    return all_of(problems);
  }
  claudebox::testing::FakeHost host_;
};

TEST_F(ShellImport, AWholeProfile) {
  EXPECT_EQ(good("#!/bin/bash\n"
                 "# what it is for\n"
                 "PROFILE_NETWORK_TIER=\"inet\"   # as ever\n"
                 "\n"
                 "PROFILE_EXTRA_ENV=(GH_TOKEN 'AWS_PROFILE')\n"
                 "PROFILE_MOUNTS=(\n"
                 "  \"$HOME/my data:/data:ro\"   # a comment\n"
                 "  ~/notes:rw ${HOME}/x\n"
                 ")\n"
                 "PROFILE_EXTRA_MOUNTS+=( /srv/it\\'s )\n"
                 "PROFILE_PACKAGES=(nodejs jq)\n"),
            "# From \"old.sh\", which nothing reads any more.\n"
            "network = \"internet\"\n"
            "mounts = [\n"
            "  \"${HOME}/my data:/data:ro\",\n"
            "  \"~/notes:rw\",\n"
            "  \"${HOME}/x\",\n"
            "  \"/srv/it's\",\n"
            "]\n"
            "env = [\n  \"GH_TOKEN\",\n  \"AWS_PROFILE\",\n]\n"
            "packages = [\n  \"nodejs\",\n  \"jq\",\n]\n");
}

TEST_F(ShellImport, Tiers) {
  for (const auto& [older, tier] : std::vector<std::pair<std::string, std::string>>{
           {"inet", "internet"}, {"internet-only", "internet"}, {"none", "offline"}, {"full", "full"}})
    EXPECT_THAT(good("PROFILE_NETWORK_TIER=" + older), HasSubstr("network = \"" + tier + "\"")) << older;
  EXPECT_THAT(bad("PROFILE_NETWORK_TIER=lan"), HasSubstr("old.sh:1:22: unknown network tier 'lan'"));
  EXPECT_THAT(bad("PROFILE_NETWORK_TIER=(full none)"), HasSubstr("is one word"));
}

TEST_F(ShellImport, QuotesAsInBash) {
  EXPECT_THAT(
      good("PROFILE_MOUNTS=('/a $HOME \\ x' \"/b\\\"c\\$d\\\\e\" /f\\ g'h'\"i\")"),
      AllOf(HasSubstr(R"("/a \\$HOME \\\\ x")"), HasSubstr(R"("/b\"c\\$d\\\\e")"), HasSubstr("\"/f ghi\"")));
  EXPECT_THAT(good("PROFILE_MOUNTS=/a\\\nb"), HasSubstr("\"/ab\""));
  EXPECT_THAT(good("PROFILE_MOUNTS=(/a#b)"), HasSubstr("\"/a#b\""));
  EXPECT_THAT(good("PROFILE_MOUNTS=(/a)\nPROFILE_MOUNTS=(/b)"), Not(HasSubstr("/a")));
  EXPECT_THAT(good("PROFILE_MOUNTS=(/a)\nPROFILE_MOUNTS+=(/b)"), AllOf(HasSubstr("/a"), HasSubstr("/b")));
  EXPECT_EQ(good(""), "# From \"old.sh\", which nothing reads any more.\n");
  good("PROFILE_EXTRA_ENV=()\nPROFILE_MOUNTS=");
}

/// Everything that a shell would do something with, with its line.
TEST_F(ShellImport, WhatCantBeReadExactlyIsRefused) {
  for (const std::string line : {"PROFILE_MOUNTS=($(ls))",
                                 "PROFILE_MOUNTS=(`ls`)",
                                 "PROFILE_MOUNTS=(\"$(ls)\")",
                                 "PROFILE_MOUNTS=($USER)",
                                 "PROFILE_MOUNTS=(${HOME%/})",
                                 "PROFILE_MOUNTS=(\"${HOME:-/x}\")",
                                 "PROFILE_MOUNTS=($HOMES/x)",
                                 "PROFILE_MOUNTS=(/a/*)",
                                 "PROFILE_MOUNTS=(/{a,b})",
                                 "PROFILE_MOUNTS=(/a?)",
                                 "PROFILE_MOUNTS=(/[ab])",
                                 "PROFILE_MOUNTS=(~other/x)",
                                 "PROFILE_MOUNTS=/a:~/b",
                                 "PROFILE_MOUNTS=(<(ls))",
                                 "PROFILE_MOUNTS=(/a; ls)",
                                 "PROFILE_MOUNTS=/a ls",
                                 "PROFILE_MOUNTS=/a; ls",
                                 "PROFILE_MOUNTS=/a && ls",
                                 "PROFILE_MOUNTS=(/a) ls",
                                 "PROFILE_MOUNTS[0]=/a",
                                 "if true; then",
                                 "fi",
                                 "source x",
                                 ". x",
                                 "ls",
                                 "export PROFILE_MOUNTS=/a",
                                 "PROFILE_MOUNTS=$'/a'",
                                 "PROFILE_MOUNTS=(/a",
                                 "PROFILE_MOUNTS=('/a",
                                 "PROFILE_MOUNTS=\"/a",
                                 "PROFILE_MOUNTS=(/a)\r",
                                 "PROFILE_MOUNTS=\"/a /b\"",
                                 "OTHER=x",
                                 "PROFILE_FOO=x",
                                 "PROFILE_MOUNTS=(relative)",
                                 "PROFILE_MOUNTS=(/a:/b:/c:/d)",
                                 "PROFILE_MOUNTS=(\"\")",
                                 "PROFILE_EXTRA_ENV=(1A)",
                                 "PROFILE_EXTRA_ENV=(\"A=$B\")",
                                 "PROFILE_EXTRA_ENV=(A=sk-ant-1)",
                                 "PROFILE_EXTRA_ENV=($HOME)",
                                 "f() { ls; }",
                                 "[[ -n $x ]] && PROFILE_MOUNTS=(/a)",
                                 "eval x",
                                 "=x",
                                 "+=x"})
    EXPECT_THAT(bad("PROFILE_NETWORK_TIER=none\n" + line), HasSubstr("old.sh:2:")) << line;
  EXPECT_THAT(bad(std::string("PROFILE_MOUNTS=/a\0b", 19)), HasSubstr("old.sh:1:"));
}

TEST_F(ShellImport, AllThatIsWrongIsSaid) {
  EXPECT_THAT(bad("ls\nPROFILE_MOUNTS=($(x))\nOTHER=1\n"),
              AllOf(HasSubstr("old.sh:1:1"), HasSubstr("old.sh:2:17"), HasSubstr("old.sh:3:1")));
}

/// Pieces of both languages in any order: whatever comes of it, it ends, and what is refused has no result.
TEST_F(ShellImport, AnyBytesAreReadOrRefused) {
  const std::vector<std::string> pieces = {"PROFILE_MOUNTS=",
                                           "PROFILE_EXTRA_ENV=",
                                           "=",
                                           "+=",
                                           "(",
                                           ")",
                                           "\"",
                                           "'",
                                           "$HOME",
                                           "${HOME}",
                                           "~",
                                           "\\",
                                           "\n",
                                           " ",
                                           "#",
                                           "/a",
                                           ":",
                                           "network = ",
                                           "\"full\"",
                                           "[",
                                           "]",
                                           ",",
                                           "env = ",
                                           "{",
                                           "}",
                                           std::string(1, '\0'),
                                           "\xff",
                                           "\xc3\xa4",
                                           "\r",
                                           "$(",
                                           "`",
                                           "true",
                                           "[protect]",
                                           ".",
                                           "\\u0000",
                                           "\"\"\"",
                                           "2020-01-01"};
  std::uint32_t state = 1;
  const auto next = [&state](std::size_t below) {
    state = state * 1664525U + 1013904223U;
    return (state >> 8U) % below;
  };
  std::size_t read = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::size_t i = next(14); i > 0; --i) text += pieces[next(pieces.size())];
    base::Diagnostics problems;
    const auto toml = import_shell_profile({"f.sh", text, ""}, {host_, {}}, problems);
    EXPECT_EQ(toml.has_value(), problems.empty()) << text;
    if (toml) {
      ++read;
      base::Diagnostics again;
      parse({"f.toml", *toml, ""}, {host_, {}}, 1, again);
      EXPECT_TRUE(again.empty()) << text << "\n" << *toml << all_of(again);
    }
    base::Diagnostics of_toml;
    parse({"f.toml", text, ""}, {host_, {}}, 1, of_toml);
  }
  EXPECT_GT(read, 100U);
}

}  // namespace
}  // namespace claudebox::profile
