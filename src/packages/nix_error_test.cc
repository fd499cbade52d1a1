#include "packages/nix_error.h"

#include <gmock/gmock.h>

namespace claudebox::packages {
namespace {

using ::testing::HasSubstr;

const plan::Package kPackage{.flake = "nixpkgs", .attribute = "helo"};

TEST(NixError, AnUnknownNameWithWhatIsNear) {
  const auto error = explain(
      kPackage, "error: flake 'flake:nixpkgs' does not provide attribute 'helo'\n       Did you mean hello?",
      {});
  EXPECT_EQ(error.message(),
            "Nix can't provide nixpkgs#helo: flake 'flake:nixpkgs' does not provide attribute 'helo'");
  EXPECT_THAT(error.hint(), HasSubstr("Did you mean hello?\n"));
  EXPECT_EQ(error.exit(), base::ExitCode::setup);
}

TEST(NixError, ABuildsLastLinesOnce) {
  EXPECT_THAT(explain(kPackage, "error: builder failed with exit code 3", {"one", "two"}).hint(),
              HasSubstr("> one\n> two"));
  EXPECT_EQ(explain(kPackage, "error: builder failed;\n last 1 log lines:\n > one", {"one"}).hint(),
            " last 1 log lines:\n > one");
}

TEST(NixError, APlaceIsTheFlakesOwn) {
  plan::Package local{.flake = "/home/dev/p/sub", .local = true, .repository = "/home/dev/p"};
  EXPECT_THAT(
      explain(
          local,
          "error: syntax error\nat /nix/store/7qgsqjca0jyms6li2knjk0fabml4hbz1-source/sub/flake.nix:1:5:", {})
          .hint(),
      HasSubstr("at /home/dev/p/sub/flake.nix:1:5:"));
  EXPECT_THAT(explain(local, "error: getting status of '/flake/x'", {}).message(),
              HasSubstr("'/home/dev/p/x'"));
}

TEST(NixError, WhatToDo) {
  EXPECT_THAT(explain(kPackage, "error: cannot connect to socket at 'x': Connection refused", {}).hint(),
              HasSubstr("systemctl start nix-daemon"));
  EXPECT_THAT(explain(kPackage, "error: writing to file: No space left on device", {}).hint(),
              HasSubstr("make room"));
  EXPECT_THAT(explain(kPackage, "", {}).message(), HasSubstr("it does not say why"));
}

}  // namespace
}  // namespace claudebox::packages
