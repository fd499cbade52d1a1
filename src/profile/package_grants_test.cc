#include "profile/package_grants.h"

#include <gmock/gmock.h>

namespace claudebox::profile {
namespace {

using ::testing::HasSubstr;

plan::PackageRequest good(const std::string& text, bool devshell = false) {
  base::Diagnostics problems;
  const auto parsed = (devshell ? parse_devshell : parse_package)(Typed::flag("--package", text), problems);
  EXPECT_TRUE(parsed && problems.empty()) << text;
  return parsed.value_or(plan::PackageRequest{});
}

std::string refused(const std::string& text, bool devshell = false) {
  base::Diagnostics problems;
  EXPECT_FALSE((devshell ? parse_devshell : parse_package)(Typed::flag("--package", text), problems)) << text;
  return problems.empty() ? std::string() : problems.items().front().message;
}

TEST(PackageGrants, ABareNameIsOfNixpkgs) {
  const auto package = good("python3");
  EXPECT_EQ(package.flake, "nixpkgs");
  EXPECT_EQ(package.attribute, "python3");
  EXPECT_FALSE(package.local);
  EXPECT_EQ(good("python312Packages.numpy").attribute, "python312Packages.numpy");
}

TEST(PackageGrants, References) {
  EXPECT_EQ(good("github:owner/repo#x").flake, "github:owner/repo");
  EXPECT_EQ(good("nixpkgs/nixos-24.05#hello").flake, "nixpkgs/nixos-24.05");
  EXPECT_EQ(good("git+https://example.org/x?ref=main#y").attribute, "y");
  EXPECT_EQ(good("github:owner/repo").attribute, "");
}

TEST(PackageGrants, LocalFlakesMayHaveAnyName) {
  const auto package = good("./my dir #1#y");
  EXPECT_TRUE(package.local);
  EXPECT_EQ(package.flake, "./my dir #1");
  EXPECT_EQ(package.attribute, "y");
  EXPECT_EQ(good("~/flake#y").flake, "~/flake");
  EXPECT_EQ(good(".", true).flake, ".");
  EXPECT_EQ(good(".#ci", true).attribute, "ci");
}

TEST(PackageGrants, NothingOfAShellOrOfNixsOptionsGetsThrough) {
  for (const std::string text :
       {"a;b", "$(touch x)", "a b", "nixpkgs#a;b", "nixpkgs#`x`", "nixpkgs#a|b", "--impure", "-x",
        "nixpkgs#-x", "nixpkgs#", "#x", "a\nb", "nixpkgs#multi^out", "é", "", "github:a/b c#d", "x\"y"})
    EXPECT_NE(refused(text), "") << text;
  EXPECT_NE(refused(std::string("./a\0b", 5)), "");
  EXPECT_NE(refused(std::string(2000, 'a')), "");
}

TEST(PackageGrants, ADirectoryIsWrittenAsOne) {
  for (const std::string text : {"path:/x#y", "git+file:///x#y", "file:///x.tar#y"})
    EXPECT_THAT(refused(text), HasSubstr("names a directory of this machine")) << text;
}

}  // namespace
}  // namespace claudebox::profile
