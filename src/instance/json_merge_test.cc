#include "instance/json_merge.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace claudebox::instance {
namespace {

using Json = nlohmann::ordered_json;
using plan::StateFile;

Merged defaults(const std::optional<std::string>& existing, const std::string& content) {
  const StateFile layer{.policy = StateFile::Policy::json_defaults, .path = "/x", .content = content};
  return merge_json(existing, {&layer});
}
Merged overriding(const std::optional<std::string>& existing, const std::string& content) {
  const StateFile layer{.policy = StateFile::Policy::json_override, .path = "/x", .content = content};
  return merge_json(existing, {&layer});
}

TEST(MergeJson, MakesTheFileFromNothing) {
  for (const std::optional<std::string>& nothing :
       {std::optional<std::string>(), std::optional<std::string>(" \n")}) {
    const Merged merged = defaults(nothing, R"({"a":1})");
    EXPECT_EQ(merged.text, "{\n  \"a\": 1\n}\n");
    EXPECT_TRUE(merged.changed);
    EXPECT_FALSE(merged.broken);
  }
}

TEST(MergeJson, DefaultsGiveWayAtEveryDepth) {
  const Merged merged =
      defaults(R"({"a":{"kept":1},"list":[1],"flat":2})", R"({"a":{"kept":9,"new":9},"flat":{"x":1}})");
  EXPECT_EQ(Json::parse(merged.text), Json::parse(R"({"a":{"kept":1,"new":9},"list":[1],"flat":2})"));
}

TEST(MergeJson, OverridesWinAtEveryDepth) {
  const Merged merged =
      overriding(R"({"a":{"kept":1,"lost":1},"list":[1,2]})", R"({"a":{"lost":9},"list":[3]})");
  EXPECT_EQ(Json::parse(merged.text), Json::parse(R"({"a":{"kept":1,"lost":9},"list":[3]})"));
}

TEST(MergeJson, AppliesLayersInOrder) {
  const StateFile first{
      .policy = StateFile::Policy::json_defaults, .path = "/x", .content = R"({"a":1,"b":1})"};
  const StateFile second{.policy = StateFile::Policy::json_override, .path = "/x", .content = R"({"b":2})"};
  EXPECT_EQ(Json::parse(merge_json(std::nullopt, {&first, &second}).text), Json::parse(R"({"a":1,"b":2})"));
}

TEST(MergeJson, KeepsTheOrderOfTheFile) {
  EXPECT_EQ(defaults(R"({"z":1,"a":2})", R"({"m":3})").text, "{\n  \"z\": 1,\n  \"a\": 2,\n  \"m\": 3\n}\n");
}

TEST(MergeJson, SaysWhereNothingChanges) {
  EXPECT_FALSE(defaults(R"({"a":{"b":1}})", R"({"a":{"b":2}})").changed);
  EXPECT_FALSE(overriding(R"({"a":{"b":1},"c":0})", R"({"a":{"b":1}})").changed);
  EXPECT_TRUE(overriding(R"({"a":{"b":1}})", R"({"a":{"b":2}})").changed);
}

TEST(MergeJson, StartsAfreshWhereTheFileIsNoObject) {
  for (const std::string existing : {"{", "[]", "null", "{\"a\":1} x", "{\"a\":\"\xff\"}", "{\"a\":1e999}"}) {
    const Merged merged = defaults(existing, R"({"a":1})");
    EXPECT_TRUE(merged.broken) << existing;
    EXPECT_EQ(Json::parse(merged.text), Json::parse(R"({"a":1})")) << existing;
  }
}

/// A million brackets: parsed they would overflow the stack of whoever prints or frees them.
TEST(MergeJson, SurvivesHostileDepth) {
  const std::string nested = "{\"a\":" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}";
  EXPECT_TRUE(defaults(nested, R"({"a":1})").broken);
}

/// Two hundred thousand keys: inserted in order they would take minutes.
TEST(MergeJson, SurvivesHostileWidth) {
  std::string wide = "{";
  for (int i = 0; i < 200'000; ++i) wide += "\"k" + std::to_string(i) + "\":0,";
  wide.back() = '}';
  EXPECT_TRUE(defaults(wide, R"({"a":1})").broken);
}

TEST(MergeJson, BracketsInStringsDontCount) {
  const Json file = {{"text", std::string(1000, '{') + "\"\\" + std::string(20'000, ':')}};
  EXPECT_FALSE(defaults(file.dump(), R"({"a":1})").broken);
}

TEST(MergeJson, ALayerThatIsNoObjectIsAMistakeOfThePlan) {
  EXPECT_THROW(defaults("{}", "[]"), base::Error);
}

}  // namespace
}  // namespace claudebox::instance
