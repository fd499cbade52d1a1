#include "render/json.h"

#include <gmock/gmock.h>

#include "base/text.h"
#include "render/hand_made_plan.h"

namespace claudebox::render {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(PlanJson, IsOneRecordWithItsSchema) {
  const std::string text = plan_json(hand_made_plan());
  EXPECT_TRUE(text.starts_with("{\n  \"schema\": 1,\n"));
  EXPECT_TRUE(text.ends_with("\n}\n"));
}

TEST(PlanJson, IsValidUtf8WhateverTheNames) {
  auto plan = hand_made_plan();
  const std::string bytes = "\xff\xc0\x80\xed\xa0\x80\x1b\"\\\n" + std::string(1, '\0') + "ü";
  plan.project.root = plan.command.display = bytes;
  plan.command.argv = {bytes};
  for (auto& mount : plan.mounts) mount.source = mount.target = mount.origin.source = bytes;
  for (auto& variable : plan.env) variable.name = variable.value = bytes;
  std::string text = plan_json(plan);
  std::erase(text, '\n');
  // Escaping finds nothing to do: it is text, without control characters.
  EXPECT_EQ(base::escape_for_terminal(text), text);
  EXPECT_THAT(text, HasSubstr("\u00fc"));
}

TEST(PlanJson, TellsContentByDigest) {
  EXPECT_THAT(plan_json(hand_made_plan()), Not(HasSubstr("dev:x:1000")));
  EXPECT_THAT(plan_json(hand_made_plan()), HasSubstr("\"bytes\": 37"));
}

}  // namespace
}  // namespace claudebox::render
