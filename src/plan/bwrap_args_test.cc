#include "plan/bwrap_args.h"

#include <gtest/gtest.h>

namespace claudebox::plan {
namespace {

bool makes_link(const std::vector<Word>& words, const std::string& target) {
  const auto is = [](const Word& word, const std::string& text) { return word == Word(text); };
  for (std::size_t i = 0; i + 2 < words.size(); ++i)
    if (is(words[i], "--symlink") && is(words[i + 2], target)) return true;
  return false;
}

/// A link in the instance's home outlives the box, and bwrap 0.8 fails on one that is there already.
TEST(BwrapOptions, LinksAreMadeInTheBoxsOwnFileSystemsOnly) {
  Plan plan;
  plan.mounts = {{.kind = Mount::Kind::symlink, .target = "/bin", .source = "usr/bin"},
                 {.kind = Mount::Kind::writable,
                  .target = "/home/dev",
                  .source = "/home/dev/.claudebox/instances/x/home"},
                 {.kind = Mount::Kind::symlink, .target = "/home/dev/.nix-profile", .source = "/nix/profile"},
                 {.kind = Mount::Kind::tmpfs, .target = "/run"},
                 {.kind = Mount::Kind::symlink, .target = "/run/current-system", .source = "/nix/store/x"}};
  const auto words = bwrap_options(plan);
  EXPECT_TRUE(makes_link(words, "/bin"));
  EXPECT_TRUE(makes_link(words, "/run/current-system"));
  EXPECT_FALSE(makes_link(words, "/home/dev/.nix-profile"));
}

}  // namespace
}  // namespace claudebox::plan
