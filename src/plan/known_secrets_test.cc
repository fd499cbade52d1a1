#include "plan/known_secrets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/secret.h"

namespace claudebox::plan {
namespace {

/// Why "can ALLOWS" is no good end of a line in the audit; empty where it is.
std::string fault(std::string_view what, std::string_view allows) {
  if (what.empty() || allows.empty()) return "empty";
  if (std::count(allows.begin(), allows.end(), ' ') >= 6) return "more than six words";
  if (allows.find("  ") != std::string_view::npos || allows.starts_with(' ') || allows.ends_with(' ') ||
      allows.ends_with('.'))
    return "not one phrase";
  // After "can" there is a verb: "log in as you elsewhere".
  const std::string_view verb = allows.substr(0, allows.find(' '));
  if (verb.ends_with('s') && !verb.ends_with("ss")) return "no plain verb";
  if (verb.front() < 'a' || verb.front() > 'z') return "no verb";
  // The consequence stands once, behind the colon.
  if (what.find("which") != std::string_view::npos) return "two consequences";
  return {};
}

TEST(KnownSecrets, EachRowSaysWhatItWouldAllowInAFewWords) {
  for (const auto& table : {known_secrets(), runtime_sockets(), telling_names(), telling_variables()}) {
    EXPECT_FALSE(table.empty());
    for (const auto& row : table)
      EXPECT_EQ(fault(row.what, row.allows), "") << row.path << ": " << row.what << ": can " << row.allows;
  }
  for (const auto& kind : base::secret_kinds())
    EXPECT_EQ(fault(kind.what, kind.allows), "") << kind.what << ": can " << kind.allows;
}

TEST(KnownSecrets, WhatIsASecretByItsNameIsMaskedByItsName) {
  for (const auto& row : telling_variables())
    if (row.what.ends_with("by its name")) {
      EXPECT_TRUE(base::secret_name(row.path)) << row.path;
    }
}

TEST(KnownSecrets, ANameTellsWhereverItLies) {
  ASSERT_TRUE(told_by_name("id_rsa"));
  EXPECT_EQ(told_by_name("id_rsa")->allows, "log in as you elsewhere");
  EXPECT_TRUE(told_by_name("prod.kdbx"));
  EXPECT_FALSE(told_by_name("main.cc"));
}

}  // namespace
}  // namespace claudebox::plan
