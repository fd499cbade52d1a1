#include "runtime/login_store.h"

#include <gmock/gmock.h>
#include <utime.h>

#include <ctime>

#include "base/error.h"
#include "login_test_host.h"

namespace claudebox::runtime {
namespace {

using ::testing::HasSubstr;

class LoginStoreTest : public ::testing::Test {
 protected:
  LoginStoreTest() {
    login_.mode.value = plan::LoginMode::store;
    login_.directory = home_ / "logins/claude/work/store";
    login_.file = ".credentials.json";
    login_.lock = login_.directory + "/.oauth_refresh.lock";
    login_.backup = home_ / "logins/claude/work.last-good";
  }
  void write(const std::string& content) const {
    home_.write("logins/claude/work/store/.credentials.json", content);
  }
  std::string backup() const { return home_.read("logins/claude/work.last-good"); }

  testing::TempDir home_;
  plan::Login login_;
  sys::EventLoop loop_;
};

TEST_F(LoginStoreTest, ItsDirectoriesAreNobodyElses) {
  const LoginStore store(login_);
  for (const std::string path : {"logins", "logins/claude", "logins/claude/work", "logins/claude/work/store"})
    EXPECT_EQ(std::filesystem::status(home_ / path).permissions(), std::filesystem::perms::owner_all) << path;
}

TEST_F(LoginStoreTest, KeepsTheLastGoodOne) {
  LoginStore store(login_);
  store.start(loop_, {});
  const std::string good = LoginTestHost::credential("fake-1", 1000);
  write(good);
  EXPECT_TRUE(LoginTestHost::turn(loop_, [&] { return backup() == good; }));
  for (const std::string bad : {"", "{", R"({"claudeAiOauth":{"accessToken":"","expiresAt":0}})"}) {
    write(bad);
    LoginTestHost::turn_for(loop_, std::chrono::milliseconds(100));
    EXPECT_EQ(backup(), good) << bad;
  }
  write(LoginTestHost::credential("fake-2", 1000, /*renewable=*/false));
  LoginTestHost::turn_for(loop_, std::chrono::milliseconds(100));
  EXPECT_EQ(backup(), good) << "a box can't put its own token there either";
  const std::string next = LoginTestHost::credential("fake-3", 1000);
  write(next);
  EXPECT_TRUE(LoginTestHost::turn(loop_, [&] { return backup() == next; }));
}

TEST_F(LoginStoreTest, WhatWasWrittenAtTheEndCountsToo) {
  LoginStore store(login_);
  const std::string good = LoginTestHost::credential("fake-1", 1000);
  write(good);
  store.finish();
  EXPECT_EQ(backup(), good);
}

TEST_F(LoginStoreTest, LinksLeadNowhere) {
  std::filesystem::create_directories(home_ / "logins/claude/work");
  std::filesystem::create_directories(home_ / "secret");
  home_.write("secret/.credentials.json", LoginTestHost::credential("fake-secret", 1000));
  std::filesystem::create_directory_symlink(home_ / "secret", login_.directory);
  EXPECT_THROW(LoginStore{login_}, base::Error);
  std::filesystem::remove(login_.directory);
  LoginStore store(login_);
  std::filesystem::create_symlink(home_ / "secret/.credentials.json",
                                  login_.directory + "/.credentials.json");
  store.finish();
  std::filesystem::remove_all(login_.directory);
  std::filesystem::create_directory_symlink(home_ / "secret", login_.directory);
  store.finish();
  EXPECT_EQ(backup(), "");
}

TEST_F(LoginStoreTest, AClientThatRenewsIsKnownByItsLock) {
  const LoginStore store(login_);
  EXPECT_FALSE(store.renewing());
  const std::string lock = login_.directory + "/.oauth_refresh.lock";
  std::filesystem::create_directory(lock);
  EXPECT_TRUE(store.renewing());
  for (const std::time_t age : {45, 70}) {
    const std::time_t then = std::time(nullptr) - age;
    const utimbuf times{.actime = then, .modtime = then};
    ::utime(lock.c_str(), &times);
    EXPECT_EQ(store.renewing(), age < 60) << age;
  }
}

}  // namespace
}  // namespace claudebox::runtime
