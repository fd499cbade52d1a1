#include "plan/look_inside.h"

#include <gmock/gmock.h>

#include "fake_host.h"

namespace claudebox::plan {
namespace {

using claudebox::testing::FakeHost;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> look_inside(const FakeHost& host, const std::string& directory) {
  LookBudget budget;
  return secrets_inside(host, directory, budget);
}

TEST(LookInside, TheNearestFirst) {
  FakeHost host;
  host.file("/d/deep/er/id_rsa").file("/d/.env").file("/d/README").file("/d/app/.npmrc");
  EXPECT_THAT(look_inside(host, "/d"), ElementsAre(".env", "app/.npmrc", "deep/er/id_rsa"));
}

TEST(LookInside, WhatIsNoDirectory) {
  FakeHost host;
  host.file("/f/id_rsa");
  EXPECT_THAT(look_inside(host, "/f/id_rsa"), IsEmpty());
  EXPECT_THAT(look_inside(host, "/nowhere"), IsEmpty());
}

TEST(LookInside, ACertificateIsNoSecretUnlessItsKeyIsThere) {
  FakeHost host;
  host.file("/d/a.pem", "-----BEGIN CERTIFICATE-----").file("/d/b.pem", "-----BEGIN RSA PRIVATE KEY-----");
  EXPECT_THAT(look_inside(host, "/d"), ElementsAre("b.pem"));
}

TEST(LookInside, WhatWasFetchedIsLeftOut) {
  FakeHost host;
  host.file("/d/node_modules/x/.env").file("/d/.git/credentials").file("/d/sub/.venv/id_rsa");
  EXPECT_THAT(look_inside(host, "/d"), IsEmpty());
}

TEST(LookInside, LinksAreNotFollowed) {
  FakeHost host;
  host.file("/secret/id_rsa")
      .directory("/d")
      .symlink("/d/link", "/secret")
      .symlink("/d/.env", "/secret/id_rsa");
  EXPECT_THAT(look_inside(host, "/d"), IsEmpty());
}

TEST(LookInside, SocketsCount) {
  FakeHost host;
  host.other("/d/docker.sock", sys::FileKind::socket).other("/d/id_rsa", sys::FileKind::fifo);
  EXPECT_THAT(look_inside(host, "/d"), ElementsAre("docker.sock"));
}

/// Counts what is asked of it.
class CountingHost : public FakeHost {
 public:
  sys::FileInfo lstat(const std::string& path) const override {
    ++looks;
    return FakeHost::lstat(path);
  }
  std::vector<std::string> list_directory(const std::string& path, std::size_t limit) const override {
    ++lists;
    return FakeHost::list_directory(path, limit);
  }
  mutable std::size_t looks = 0;
  mutable std::size_t lists = 0;
};

TEST(LookInside, ALargeTreeIsNotWalked) {
  CountingHost wide;
  for (int i = 0; i < 3000; ++i) wide.file("/d/f" + std::to_string(i));
  wide.file("/d/.env");
  EXPECT_THAT(look_inside(wide, "/d"), ElementsAre(".env"));
  EXPECT_LE(wide.looks, LookBudget{}.names);
  CountingHost deep;
  std::string path = "/d";
  for (int i = 0; i < 300; ++i) deep.directory(path += "/s");
  look_inside(deep, "/d");
  EXPECT_LE(deep.lists, LookBudget{}.directories);
}

TEST(LookInside, AllMountsTogetherHaveOneBudget) {
  CountingHost host;
  for (int i = 0; i < 600; ++i)
    host.file("/a/f" + std::to_string(i)).file("/b/f" + std::to_string(i)).file("/c/.env");
  LookBudget budget;
  for (const char* directory : {"/a", "/b", "/c"})
    EXPECT_THAT(secrets_inside(host, directory, budget), IsEmpty());
  EXPECT_LE(host.looks, LookBudget{}.names);
}

}  // namespace
}  // namespace claudebox::plan
