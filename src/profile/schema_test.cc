#include "profile/schema.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "plan/lifted.h"

namespace claudebox::profile {
namespace {

using ::testing::HasSubstr;

std::string table_cell(std::string text) {
  for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2))
    text.insert(at, "\\");
  return text;
}

TEST(Schema, TheReferenceHasEveryKeyAsTheTableHasIt) {
  const char* source = std::getenv("CLAUDEBOX_SOURCE_DIR");
  std::ifstream file(std::string(source ? source : CLAUDEBOX_SOURCE_DIR) + "/docs/profiles.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const auto& key : keys()) {
    const std::string start = "| `" + std::string(key.name) + "` | ";
    const std::size_t at = text.str().find(start);
    ASSERT_NE(at, std::string::npos) << key.name << " is not in docs/profiles.md";
    const std::string row = text.str().substr(at, text.str().find('\n', at) - at);
    EXPECT_THAT(row, HasSubstr("| `" + table_cell(std::string(key.value)) + "` | " +
                               std::string(key.summary) + " |"));
    EXPECT_THAT(row, HasSubstr("| " + std::string(key.tightens) + " | " + std::string(key.widens) + " |"));
  }
}

TEST(Schema, EveryProtectionThatCanBeLiftedHasItsKey) {
  std::size_t count = 0;
  for (const auto& key : keys()) count += key.table() == "protect" ? 1 : 0;
  EXPECT_EQ(count, plan::liftable_protections().size());
  for (const auto& protection : plan::liftable_protections())
    EXPECT_TRUE(find_key("protect." + std::string(protection.name))) << protection.name;
}

TEST(Schema, NamesAreUnique) {
  for (const auto& key : keys()) EXPECT_EQ(find_key(key.name), &key) << key.name;
}

}  // namespace
}  // namespace claudebox::profile
