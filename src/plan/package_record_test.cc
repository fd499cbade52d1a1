#include "plan/package_record.h"

#include <gtest/gtest.h>

namespace claudebox::plan {
namespace {

const std::string kHello = "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-hello-1.0";

PackageRecord record() {
  return {.name = "nixpkgs#hello",
          .kind = "package",
          .settings = "s",
          .locked = "github:NixOS/nixpkgs/1",
          .outputs = {kHello},
          .closure = {kHello},
          .path = {kHello + "/bin"},
          .variables = {{"A", "b"}},
          .withheld = {{"C", "d"}},
          .roots = {{"/home/dev/.claudebox/packages/x/root-1", kHello}},
          .resolved_at = 7};
}

TEST(PackageRecord, IsReadAsItWasWritten) {
  const auto read = read_package_record(format_package_record(record()));
  ASSERT_TRUE(read);
  EXPECT_EQ(format_package_record(*read), format_package_record(record()));
  EXPECT_EQ(read->path, record().path);
  EXPECT_EQ(read->withheld, record().withheld);
}

TEST(PackageRecord, WhatIsNoneGivesNothing) {
  const std::string good = format_package_record(record());
  for (const std::string& text : {std::string(), std::string("{}"), std::string("[]"),
                                  good.substr(0, good.size() / 2), std::string("null")})
    EXPECT_FALSE(read_package_record(text)) << text;
  PackageRecord none = record();
  none.closure.clear();
  EXPECT_FALSE(read_package_record(format_package_record(none)));
}

TEST(PackageRecord, NoPathThatLeavesTheStoreGetsThrough) {
  for (const std::string path :
       {"/etc", "/nix/store", "/nix/store/", "/nix/store/short-x",
        "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-x/..",
        "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-x/y",
        "/nix/store/../etc/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-x",
        "/nix/store/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-x"}) {
    EXPECT_FALSE(is_store_path(path)) << path;
    PackageRecord bad = record();
    bad.closure = {path};
    EXPECT_FALSE(read_package_record(format_package_record(bad))) << path;
  }
  for (const std::string& path :
       {std::string("/usr/bin"), kHello + "/../../../etc", kHello + "/bin:/home/dev"}) {
    PackageRecord bad = record();
    bad.path = {path};
    EXPECT_FALSE(read_package_record(format_package_record(bad))) << path;
  }
  EXPECT_TRUE(is_store_path(kHello));
}

}  // namespace
}  // namespace claudebox::plan
