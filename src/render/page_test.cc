#include "render/page.h"

#include <gmock/gmock.h>

#include "base/text.h"
#include "render/width.h"

namespace claudebox::render {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string put(const Style& style, const Line& lead, std::size_t hang, const Line& body,
                std::vector<std::string> secrets = {}) {
  Page page(style, std::move(secrets));
  page.put(lead, hang, body);
  return page.take();
}

TEST(TextWidth, CountsColumnsNotBytes) {
  EXPECT_EQ(text_width("abc"), 3U);
  EXPECT_EQ(text_width("äöü"), 3U);
  EXPECT_EQ(text_width("日本"), 4U);
  EXPECT_EQ(text_width("e\u0301"), 1U);
  EXPECT_EQ(text_width(""), 0U);
}

TEST(Page, BreaksAtSpacesAndIndentsTheRest) {
  EXPECT_EQ(put({.width = 24}, {{"name"}}, 8, {{"one two three four five"}}),
            "name    one two three\n        four five\n");
}

TEST(Page, ALeadThatIsTooLongStandsByItself) {
  EXPECT_EQ(put({.width = 24}, {{"a longer name"}}, 8, {{"text"}}), "a longer name\n        text\n");
}

TEST(Page, BreaksListsBeforePathsBeforeWords) {
  EXPECT_EQ(put({.width = 24}, {}, 0, {{"/usr/local/bin:/usr/share/games/bin"}}),
            "/usr/local/bin:\n/usr/share/games/bin\n");
  EXPECT_EQ(put({.width = 24}, {}, 0, {{"/a/rather/long/path/without/lists"}}),
            "/a/rather/long/path/\nwithout/lists\n");
  EXPECT_EQ(put({.width = 24}, {}, 0, {{std::string(30, 'x')}}),
            std::string(24, 'x') + "\n" + std::string(6, 'x') + "\n");
}

TEST(Page, ColoursOnlyWhereAskedAndAlwaysEnds) {
  EXPECT_EQ(put({}, {}, 0, {{"x", Role::danger}}), "x\n");
  EXPECT_EQ(put({.color = true}, {}, 0, {{"a "}, {"b", Role::danger}, {" c"}}), "a \x1b[1;31mb \x1b[0mc\n");
  // A colour does not run over the end of a line into the indentation.
  const std::string broken = put({.color = true, .width = 24}, {}, 4, {{std::string(30, 'x'), Role::good}});
  for (const auto& line : base::split(broken, '\n'))
    EXPECT_TRUE(line.empty() || line.ends_with("\x1b[0m")) << line;
}

TEST(Page, EscapesWhatComesFromOutside) {
  const std::string text = put({}, {{"\x1b[2J"}}, 4, {{"a\nb\x07\xff\u202e"}});
  EXPECT_EQ(text, "\\x1b[2J\n    a\\x0ab\\x07\\xff\\u{202e}\n");
}

TEST(Page, SpellsEverythingInAsciiWhereAsked) {
  EXPECT_EQ(put({.utf8 = false}, {}, 0, {{"Zürich 日"}}), "Z\\u{fc}rich \\u{65e5}\n");
  EXPECT_EQ(Page({.utf8 = false}, {}).arrow(), "->");
}

TEST(Page, HidesTheSecretsThatItKnowsAndTheShapesThatItSees) {
  EXPECT_EQ(put({}, {}, 0, {{"x=hunter2-and-more!"}}, {"hunter2-and-more"}), "x=hunter2...more!\n");
  EXPECT_EQ(put({}, {}, 0, {{"ghp_0123456789abcdefABCDEF0123456789abcd"}}), "ghp_012...abcd\n");
}

TEST(Page, ElidesTheMiddle) {
  const Page page(Style{}, {});
  EXPECT_EQ(page.elide("short", 10), "short");
  EXPECT_EQ(page.elide("a long text that is cut", 10), "a long…cut");
  EXPECT_EQ(text_width(page.elide(std::string(100, 'x'), 20)), 20U);
  EXPECT_LE(text_width(page.elide("日本語日本語日本語日本語", 9)), 9U);
  EXPECT_EQ(page.elide("", 0), "");
  EXPECT_LE(text_width(page.elide("abc", 1)), 1U);
}

// A secret must not survive by being cut.
TEST(Page, ElidesWhatIsMaskedAlready) {
  const Page page(Style{}, {"a-very-secret-value-of-some-length"});
  EXPECT_THAT(page.elide("token a-very-secret-value-of-some-length", 30), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace claudebox::render
