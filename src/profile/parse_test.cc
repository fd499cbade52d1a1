#include "profile/parse.h"

#include <gmock/gmock.h>

#include <map>

#include "base/toml_string.h"
#include "profile/write.h"
#include "profile_host.h"

namespace claudebox::profile {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class Parse : public ::testing::Test {
 protected:
  std::vector<Entry> entries(const std::string& text) {
    problems_ = {};
    return parse({"t.toml", text, "/t.toml"}, {host_, directory_}, 1, problems_);
  }
  /// The entries of `text`, which must be fine.
  std::vector<Entry> good(const std::string& text) {
    auto out = entries(text);
    EXPECT_TRUE(problems_.empty()) << text << "\n" << claudebox::testing::all_of(problems_);
    return out;
  }
  /// All that is wrong with `text`, which must be something.
  std::string bad(const std::string& text) {
    entries(text);
    EXPECT_FALSE(problems_.empty()) << text;
    for (const auto& item : problems_.items()) EXPECT_FALSE(item.hint.empty()) << item.message;
    return claudebox::testing::all_of(problems_);
  }
  claudebox::testing::ProfileHost host_;
  std::string directory_;
  base::Diagnostics problems_;
};

/// A value that is right for each key: a new row needs one here.
const std::map<std::string, std::string> kGood = {{"extends", "[\"base\"]"},
                                                  {"network", "\"allowlist\""},
                                                  {"allow", "[\"*.example.org\"]"},
                                                  {"publish", "[\"8080:3000\"]"},
                                                  {"reach", "[\"5432\"]"},
                                                  {"lan", "[\"10.0.0.5:3128\"]"},
                                                  {"mounts", "[\"~/data:/d:rw\"]"},
                                                  {"env", "[\"A\", \"B=C\"]"},
                                                  {"packages", "[\"jq\", \"~/f#x\"]"},
                                                  {"devshell", "\"nixpkgs#x\""},
                                                  {"agent", "\"codex\""},
                                                  {"protect.codex", "false"},
                                                  {"protect.gemini", "false"},
                                                  {"protect.opencode", "false"},
                                                  {"auth", "\"store:work\""},
                                                  {"nested", "false"},
                                                  {"audit", "\"always\""},
                                                  {"nix-daemon", "true"},
                                                  {"nix-daemon-network", "true"},
                                                  {"protect.git-config", "false"},
                                                  {"protect.git-hooks", "false"},
                                                  {"protect.git-remotes", "false"},
                                                  {"protect.claude", "false"},
                                                  {"protect.mcp", "false"},
                                                  {"protect.vscode", "false"},
                                                  {"protect.idea", "false"},
                                                  {"limits.memory", "\"8G\""},
                                                  {"limits.cpu", "\"150%\""},
                                                  {"limits.processes", "500"},
                                                  {"limits.open-files", "\"4096\""},
                                                  {"protect.envrc", "true"},
                                                  {"protect.husky", "false"}};

std::string assignment(const Key& key, const std::string& value) {
  const std::string table(key.table());
  return (table.empty() ? "" : "[" + table + "]\n") + std::string(key.leaf()) + " = " + value + "\n";
}

TEST_F(Parse, EveryKeyTakesAGoodValue) {
  for (const auto& key : keys()) {
    ASSERT_TRUE(kGood.contains(std::string(key.name))) << key.name;
    const auto found = good(assignment(key, kGood.at(std::string(key.name))));
    ASSERT_FALSE(found.empty()) << key.name;
    EXPECT_EQ(found.front().key, &key);
    EXPECT_EQ(found.front().origin.kind, base::Origin::Kind::profile);
    EXPECT_EQ(found.front().origin.source, key.table().empty() ? "t.toml:1" : "t.toml:2");
  }
}

TEST_F(Parse, EveryKeyRefusesEveryOtherType) {
  for (const auto& key : keys())
    for (const std::string value :
         {"1", "1.5", "\"x y\"", "true", "2020-01-01", "{}", "[1]", "[[\"a\"]]", "[{}]"}) {
      const bool boolean = key.type == Type::boolean || key.type == Type::text_or_boolean;
      if (boolean && value == "true") continue;
      EXPECT_THAT(bad(assignment(key, value)), HasSubstr("t.toml:")) << key.name << " = " << value;
    }
}

TEST_F(Parse, EveryTextRefusesWhatIsEmptyHugeOrNoText) {
  for (const auto& key : keys()) {
    if (key.type == Type::boolean) continue;
    EXPECT_EQ(key.table() == "limits", key.type == Type::amount) << key.name;
    const auto wrapped = [&](const std::string& text) {
      return assignment(key, key.type == Type::list ? "[\"" + text + "\"]" : "\"" + text + "\"");
    };
    EXPECT_THAT(bad(wrapped("")), HasSubstr("empty")) << key.name;
    EXPECT_THAT(bad(wrapped(std::string(5000, 'a'))), HasSubstr("5000 bytes")) << key.name;
    const std::string huge = bad(wrapped(std::string(1U << 20U, 'a')));
    EXPECT_THAT(huge, HasSubstr("1048576 bytes")) << key.name;
    EXPECT_LT(huge.size(), 600U) << key.name;
    EXPECT_THAT(bad(wrapped("/a\\u0000b")), HasSubstr("control character")) << key.name;
    EXPECT_THAT(bad(wrapped(std::string("/a\x01") + "b")), HasSubstr("no TOML")) << key.name;
    EXPECT_THAT(bad(wrapped("/a\xff\xfe")), HasSubstr("no TOML")) << key.name;
    if (!key.paths) {
      EXPECT_THAT(bad(wrapped("a\\nb")), HasSubstr("control character")) << key.name;
    }
    if (key.type == Type::list) {
      std::string many = "[";
      for (int i = 0; i < 2000; ++i) many += "\"x" + std::to_string(i) + "\",";
      EXPECT_THAT(bad(assignment(key, many + "]")), HasSubstr("2000 entries")) << key.name;
    }
  }
}

TEST_F(Parse, AnUnknownKeyNamesTheNearest) {
  EXPECT_THAT(bad("netwrok = \"full\""),
              AllOf(HasSubstr("t.toml:1:1: unknown key 'netwrok'"), HasSubstr("did you mean network?")));
  EXPECT_THAT(bad("[protect]\nvsode = false"),
              AllOf(HasSubstr("t.toml:2:1: unknown key 'vsode' in [protect]"), HasSubstr("vscode?")));
  EXPECT_THAT(bad("vscode = false"), HasSubstr("it belongs below [protect]"));
  EXPECT_THAT(bad("[protect]\nnetwork = \"full\""), HasSubstr("above every [table]"));
  EXPECT_THAT(bad("[protekt]\nvscode = false"), HasSubstr("did you mean protect?"));
  EXPECT_THAT(bad("protect = true"), HasSubstr("[protect] on a line by itself"));
  EXPECT_THAT(bad("\"protect.vscode\" = false"), HasSubstr("unknown key"));
}

TEST_F(Parse, ThereIsACaretBelowThePlace) {
  EXPECT_THAT(bad("\n\tallow = [\"ok.org\", \"\xc3\xa4.org\", 5]"),
              HasSubstr("  2 |  allow = [\"ok.org\", \"\xc3\xa4.org\", 5]\n    |                     ^"));
  // Of a long line there is a piece, and the caret is within it.
  const std::string text = bad("allow = [" + std::string(3000, ' ') + "5]");
  EXPECT_LT(text.size(), 600U);
}

TEST_F(Parse, AllErrorsAreSaidInTheirOrder) {
  const std::string text = bad("nested = 1\nnetwork = \"x\"\nfoo = 1\nallow = [\"*\", \"a b\"]\n");
  EXPECT_EQ(problems_.items().size(), 5U);
  EXPECT_LT(text.find("t.toml:1:"), text.find("t.toml:2:"));
  EXPECT_LT(text.find("t.toml:3:"), text.find("t.toml:4:"));
}

TEST_F(Parse, TheSameThingTwice) {
  EXPECT_THAT(bad("publish = [\"8080:1\", \"8080:2\"]"),
              HasSubstr("publish has '8080' twice, first on line 1"));
  EXPECT_THAT(bad("publish = [\"8080\", \"8080\"]"), HasSubstr("twice"));
  EXPECT_THAT(bad("reach = [\"1\", \"1\"]"), HasSubstr("twice"));
  EXPECT_THAT(bad("env = [\"A\",\n\"A=B\"]"), AllOf(HasSubstr("t.toml:2:1"), HasSubstr("first on line 1")));
  EXPECT_THAT(bad("mounts = [\"/a:/c\", \"/b:/c:rw\"]"), HasSubstr("twice"));
  EXPECT_THAT(bad("network = \"full\"\nnetwork = \"full\""), HasSubstr("no TOML"));
}

TEST_F(Parse, OnlyNamesOfVariablesAndNeverValues) {
  EXPECT_EQ(good("env = [\"GH_TOKEN=GH_TOKEN_READONLY\"]").size(), 1U);
  for (const std::string value : {"sk-ant-api03-abcdefghijklmnop", "two words", "a/b", "1", "", "$HOME",
                                  "ghp_0123456789abcdefghijABCDEFGHIJ012345"}) {
    const std::string text = bad("env = [\"TOKEN=" + value + "\"]");
    EXPECT_THAT(text, HasSubstr("only names are stored in files")) << value;
    if (value.size() > 20) {
      EXPECT_THAT(text, Not(HasSubstr(value)));
    }
  }
}

TEST_F(Parse, PathsWithVariables) {
  host_.set("DATA", "/data:x\\y").set("EMPTY", "");
  plan::Request request;
  const auto mount = [&](const std::string& spelled) {
    request = {};
    for (const auto& entry : good("mounts = ['" + spelled + "']"))
      entry.key->apply(entry, {host_, directory_}, request, problems_);
    return request.mounts.empty() ? std::string("none") : request.mounts.front().source;
  };
  EXPECT_EQ(mount("$HOME/a b"), "/home/dev/a b");
  EXPECT_EQ(mount("${HOME}/a"), "/home/dev/a");
  EXPECT_EQ(mount("$DATA/z:ro"), "/data:x\\y/z");
  EXPECT_EQ(mount("/cost\\$5"), "/cost$5");
  EXPECT_EQ(mount("~/it\"s"), "~/it\"s");
  for (const std::string spelled : {"$UNSET/a", "$EMPTY/a", "/a$", "/${HOME", "/$(id)", "/${HOME:-x}"})
    EXPECT_THAT(bad("mounts = ['" + spelled + "']"), HasSubstr("mounts: ")) << spelled;
  good("mounts = [\"/a\\nb\"]");
}

TEST_F(Parse, RelativePathsAreOfAProjectOnly) {
  for (const std::string spelled : {"data", "../data", "./x:ro", "~other/x"})
    EXPECT_THAT(bad("mounts = [\"" + spelled + "\"]"), HasSubstr("is a relative path")) << spelled;
  directory_ = "/src/project";
  plan::Request request;
  for (const auto& entry : good("mounts = [\"../data\"]"))
    entry.key->apply(entry, {host_, directory_}, request, problems_);
  EXPECT_EQ(request.mounts.front().source, "/src/data");
}

TEST_F(Parse, WhatIsNoTomlIsSaidWithItsPlace) {
  for (const std::string text :
       {"network", "network =", "network = \"", "[protect", "= 1", "\xef\xbb\xbf\xff", "a = [1,, 2]",
        "network = 'x'y", "[a]\n[a]", "[!", "[=a]", "\xc3\xa9 = 1", "a = 1 \xc3\xa9"})
    EXPECT_THAT(bad(text), HasSubstr("t.toml:")) << text;
  // Deep nesting must not take the stack.
  EXPECT_THAT(bad("a = " + std::string(100'000, '[')), HasSubstr("t.toml:1:"));
}

TEST_F(Parse, TheExtendedNameIsNoPath) {
  for (const std::string name : {"../x", "/etc/passwd", ".x", "a/b", "-x", "a b"})
    EXPECT_THAT(bad("extends = [\"" + name + "\"]"), HasSubstr("can't be the name of a profile")) << name;
}

TEST(Schema, EveryKeyIsDocumentedForPeopleAndEditors) {
  const std::string schema = json_schema();
  for (const auto& key : keys()) {
    EXPECT_FALSE(key.summary.empty()) << key.name;
    EXPECT_FALSE(key.tightens.empty()) << key.name;
    EXPECT_FALSE(key.widens.empty()) << key.name;
    EXPECT_TRUE(key.apply) << key.name;
    EXPECT_TRUE(key.effect) << key.name;
    EXPECT_EQ(key.identity != nullptr, key.type == Type::list) << key.name;
    EXPECT_THAT(schema, HasSubstr("\"" + std::string(key.leaf()) + "\": {")) << key.name;
  }
}

TEST(Write, StringsComeBack) {
  const claudebox::testing::FakeHost host;
  for (const std::string text : {"/a b", "/q\"uote'", "/back\\\\slash", "/new\nline", "/tab\there",
                                 "/esc\x1b[31m", "/\u202e.txt", "/\u00e4\u4e2d", "/\x7f"}) {
    base::Diagnostics problems;
    const std::string toml = "mounts = [" + base::toml_string(text) + "]";
    const auto entries = parse({"t", toml, ""}, {host, {}}, 1, problems);
    ASSERT_EQ(entries.size(), 1U) << toml << claudebox::testing::all_of(problems);
    EXPECT_EQ(entries.front().text, text);
    for (const char c : base::toml_string(text)) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  }
}

}  // namespace
}  // namespace claudebox::profile
