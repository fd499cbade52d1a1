// The plan in all its renderings, compared with what a person approved (tests/golden).
#include "golden.h"

#include <gtest/gtest.h>

#include "plan/bwrap_args.h"
#include "render/audit.h"
#include "render/hand_made_plan.h"
#include "render/json.h"

namespace claudebox::render {
namespace {

using claudebox::testing::expect_golden;

/// Every rendering of `plan`, each in a file of its own in tests/golden/NAME.
void expect_renderings(const std::string& name, const plan::Plan& plan) {
  expect_golden(name + "/audit.exp", audit(plan, {}));
  expect_golden(name + "/audit-40.exp", audit(plan, {.width = 40}));
  expect_golden(name + "/audit-ascii.exp", audit(plan, {.utf8 = false}));
  expect_golden(name + "/audit-color.exp", audit(plan, {.color = true}));
  expect_golden(name + "/audit-explain.exp", audit(plan, {.explain = true}));
  expect_golden(name + "/audit-verbose.exp", audit(plan, {.verbose = true}));
  expect_golden(name + "/approval.exp", approval_text(plan));
  expect_golden(name + "/plan.json.exp", plan_json(plan));
  expect_golden(name + "/bwrap.exp", plan::bwrap_shell_command(plan, "claudebox"));
}

TEST(Golden, OneOfEverything) {
  expect_renderings("one-of-everything", hand_made_plan());
}

}  // namespace
}  // namespace claudebox::render
