#include "base/utf8.h"

#include <gtest/gtest.h>

namespace claudebox::base {
namespace {

using std::literals::operator""sv;

TEST(Utf8, CharactersOfEachLength) {
  const auto text = "a\0\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xa6"sv;
  const Character expected[] = {{U'a', 1}, {U'\0', 1}, {U'é', 2}, {U'€', 3}, {U'\U0001f4e6', 4}};
  std::size_t at = 0;
  for (const auto& character : expected) {
    const Character found = character_at(text, at);
    EXPECT_EQ(found.code, character.code);
    EXPECT_EQ(found.length, character.length);
    at += found.length;
  }
  EXPECT_EQ(at, text.size());
  EXPECT_TRUE(is_utf8(text));
}

TEST(Utf8, AByteThatStartsNoneIsOneByte) {
  // Alone, cut off, continued by another, longer than needed, a surrogate, beyond the last, no first byte.
  for (const auto text : {"\x80"sv, "\x8b\x8b"sv, "\xc3"sv, "\xe2\x82"sv, "\xc3("sv, "\xe2\x82("sv,
                          "\xc0\xaf"sv, "\xe0\x80\xaf"sv, "\xed\xa0\x80"sv, "\xf4\x90\x80\x80"sv,
                          "\xf8\x90\x80\x80"sv, "\xfd\xff\xff"sv, "\xff"sv}) {
    EXPECT_FALSE(character_at(text, 0).code);
    EXPECT_EQ(character_at(text, 0).length, 1U);
    EXPECT_FALSE(is_utf8(text));
  }
}

TEST(Utf8, WhatFollowsACharacterDoesNotMatter) {
  EXPECT_EQ(character_at("\xc3\xa9\xff", 0).code, U'é');
  EXPECT_EQ(character_at("a\xff", 0).code, U'a');
}

}  // namespace
}  // namespace claudebox::base
