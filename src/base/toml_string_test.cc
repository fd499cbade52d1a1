#include "base/toml_string.h"

#include <gtest/gtest.h>

namespace claudebox::base {
namespace {

TEST(TomlString, BytesThatAreNoUtf8AreReplaced) {
  for (const std::string bytes :
       {"\xff", "\x80", "\xc3(", "\xe2\x82(", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"})
    EXPECT_TRUE(toml_string(bytes).starts_with("\"\\uFFFD")) << toml_string(bytes);
  EXPECT_EQ(toml_string("\xc3\xa9\xe2\x82\xac"), "\"\xc3\xa9\xe2\x82\xac\"");
}

}  // namespace
}  // namespace claudebox::base
