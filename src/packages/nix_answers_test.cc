#include "packages/nix_answers.h"

#include <gtest/gtest.h>

namespace claudebox::packages {
namespace {

TEST(NixAnswers, WhatAReferenceMeans) {
  EXPECT_EQ(locked_reference(R"({"url":"github:NixOS/nixpkgs/abc"})"), "github:NixOS/nixpkgs/abc");
  for (const auto* text : {"", "[]", "{}", R"({"url":1})", "{"})
    EXPECT_EQ(locked_reference(text), "") << text;
}

}  // namespace
}  // namespace claudebox::packages
