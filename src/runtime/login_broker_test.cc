#include "runtime/login_broker.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/error.h"
#include "login_test_host.h"

namespace claudebox::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::int64_t kHours = 8L * 3600 * 1000;

class LoginBrokerTest : public ::testing::Test {
 protected:
  LoginBroker& start(std::chrono::milliseconds longest_renewal = kLongestRenewal) {
    broker_.emplace(host_.login, longest_renewal);
    host_.home.write("box/.credentials.json", broker_->content());
    broker_->start(loop_,
                   sys::UniqueFd(::open((host_.home / "box").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
                   [this](const std::string& what) { said_.push_back(what); });
    return *broker_;
  }
  std::string box() const { return host_.home.read("box/.credentials.json"); }
  bool box_gets(const std::string& token) {
    return LoginTestHost::turn(loop_, [&] { return box().find(token) != std::string::npos; });
  }
  void quiet() { LoginTestHost::turn_for(loop_, std::chrono::milliseconds(300)); }

  LoginTestHost host_;
  sys::EventLoop loop_;
  std::vector<std::string> said_;
  std::optional<LoginBroker> broker_;
};

TEST_F(LoginBrokerTest, WithoutALoginThereIsNone) {
  EXPECT_THROW(LoginBroker{host_.login}, base::Error);
  host_.write("{");
  EXPECT_THROW(LoginBroker{host_.login}, base::Error);
  std::filesystem::remove_all(host_.login.directory);
  EXPECT_THROW(LoginBroker{host_.login}, base::Error);
}

TEST_F(LoginBrokerTest, TheBoxGetsNoRefreshToken) {
  host_.log_in("fake-1", kHours);
  EXPECT_THAT(start().content(), HasSubstr("fake-1"));
  EXPECT_THAT(broker_->content(), Not(HasSubstr("fake-refresh")));
}

TEST_F(LoginBrokerTest, AFileThatIsReplacedIsFollowed) {
  host_.log_in("fake-1", kHours);
  start();
  host_.log_in("fake-2", kHours);
  EXPECT_TRUE(box_gets("fake-2"));
  EXPECT_THAT(box(), Not(HasSubstr("fake-refresh")));
  // Written in place, as a client does that can't rename.
  host_.home.write("host/.credentials.json", LoginTestHost::credential("fake-3", kHours));
  EXPECT_TRUE(box_gets("fake-3"));
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(LoginBrokerTest, WhatIsNoLoginChangesNothingInTheBox) {
  host_.log_in("fake-1", kHours);
  start();
  host_.write(R"({"claudeAiOauth":{"accessToken":"","refreshToken":"","expiresAt":0}})");
  EXPECT_TRUE(LoginTestHost::turn(loop_, [&] { return !said_.empty(); }));
  host_.write("{");
  std::filesystem::remove(host_.home / "host/.credentials.json");
  quiet();
  EXPECT_THAT(box(), HasSubstr("fake-1"));
  EXPECT_THAT(said_.back(), HasSubstr("is gone"));
  host_.log_in("fake-2", kHours);
  EXPECT_TRUE(box_gets("fake-2"));
}

TEST_F(LoginBrokerTest, OneThatHasRunOutDoesNotReplaceOneThatHasNot) {
  host_.client("exit 1");
  host_.log_in("fake-1", kHours);
  start();
  host_.log_in("fake-old", -1000);
  quiet();
  EXPECT_THAT(box(), HasSubstr("fake-1"));
}

TEST_F(LoginBrokerTest, OneThatHasRunOutInTheBoxTooIsReplaced) {
  host_.client("exit 1");
  host_.log_in("fake-1", -2000);
  start();
  host_.log_in("fake-2", -1000);
  EXPECT_TRUE(box_gets("fake-2"));
}

TEST_F(LoginBrokerTest, ADirectoryThatIsReplacedIsFollowed) {
  host_.log_in("fake-1", kHours);
  start();
  std::filesystem::rename(host_.login.directory, host_.home / "elsewhere");
  quiet();
  std::filesystem::create_directory(host_.login.directory);
  host_.log_in("fake-2", kHours);
  EXPECT_TRUE(box_gets("fake-2"));
  host_.log_in("fake-3", kHours);
  EXPECT_TRUE(box_gets("fake-3")) << "and watched";
}

TEST_F(LoginBrokerTest, IsRenewedWhenItIsAboutToRunOut) {
  host_.client_that_renews("fake-2");
  host_.log_in("fake-1", std::chrono::milliseconds(kRenewBefore).count() + 700);
  start();
  quiet();
  EXPECT_EQ(host_.runs(), 0U) << "not before";
  EXPECT_TRUE(box_gets("fake-2"));
  quiet();
  EXPECT_EQ(host_.runs(), 1U);
  EXPECT_THAT(said_, IsEmpty());
}

TEST_F(LoginBrokerTest, OneThatNobodyCanRenewIsLeftAlone) {
  host_.client_that_renews("fake-2");
  host_.write(LoginTestHost::credential("fake-1", 1000, /*renewable=*/false));
  start();
  LoginTestHost::turn_for(loop_, std::chrono::milliseconds(1300));
  EXPECT_EQ(host_.runs(), 0U);
}

TEST_F(LoginBrokerTest, AClientThatFailsIsTriedAgainAndNotAtOnce) {
  host_.client("exit 3");
  host_.log_in("fake-1", 60'000);
  start();
  EXPECT_TRUE(LoginTestHost::turn(loop_, [&] { return !said_.empty(); }));
  EXPECT_THAT(said_, ElementsAre(HasSubstr("client ended with status 3")));
  LoginTestHost::turn_for(loop_, std::chrono::milliseconds(2000));
  EXPECT_EQ(host_.runs(), 1U);
  host_.client_that_renews("fake-2");
  EXPECT_TRUE(box_gets("fake-2")) << "ten seconds later";
}

TEST_F(LoginBrokerTest, AClientThatHangsIsLeftToItself) {
  host_.client("echo $$ >'" + (host_.home / "pid") + "'; exec sleep 1000");
  host_.log_in("fake-1", 60'000);
  start(std::chrono::milliseconds(600));
  EXPECT_TRUE(LoginTestHost::turn(loop_, [&] { return !said_.empty(); }));
  EXPECT_THAT(said_, ElementsAre(HasSubstr("does not end")));
  const pid_t client = std::stoi(host_.home.read("pid"));
  EXPECT_EQ(::kill(client, 0), 0) << "and is not killed";
  host_.client("exit 0");
  auto next = Renewal::start(host_.login);
  ASSERT_TRUE(next) << "others may try";
  next->wait();
  ::kill(client, SIGKILL);
  ::waitpid(client, nullptr, 0);
}

TEST_F(LoginBrokerTest, AClientThatIsNotThereIsSaid) {
  host_.log_in("fake-1", 60'000);
  start();
  EXPECT_THAT(said_, ElementsAre(HasSubstr("can't run")));
}

TEST_F(LoginBrokerTest, TheClientHasAnEnvironmentAndASessionOfItsOwn) {
  ::setenv("SECRET_OF_THE_CALLER", "fake", 1);
  ::setenv("SESSION_OF_THE_CALLER", "fake", 1);
  ::setenv("LOGIN_AT", "/wrong", 1);
  host_.client_that_renews("fake-2", "env >'" + (host_.home / "env") + "'; ps -o sid=,pid= -p $$ >'" +
                                         (host_.home / "session") + "'; pwd >'" + (host_.home / "pwd") + "'");
  host_.log_in("fake-1", 1000);
  start();
  EXPECT_TRUE(box_gets("fake-2"));
  EXPECT_THAT(host_.home.read("env"), Not(HasSubstr("OF_THE_CALLER")));
  EXPECT_THAT(host_.home.read("env"), HasSubstr("LOGIN_AT=" + host_.login.directory));
  EXPECT_EQ(host_.home.read("pwd"), host_.login.renewal_directory + "\n");
  int session = 0;
  int process = 1;
  std::sscanf(host_.home.read("session").c_str(), "%d %d", &session, &process);
  EXPECT_EQ(session, process);
}

TEST_F(LoginBrokerTest, AnEndDoesNotEndTheClient) {
  host_.client_that_renews("fake-2", "sleep 1");
  host_.log_in("fake-1", 1000);
  start();
  EXPECT_TRUE(LoginTestHost::turn(loop_, [&] { return host_.runs() == 1; }));
  broker_.reset();
  EXPECT_TRUE(LoginTestHost::turn(
      loop_, [&] { return host_.home.read("host/.credentials.json").find("fake-2") != std::string::npos; }));
}

TEST_F(LoginBrokerTest, ManyComeToOneRenewal) {
  host_.client_that_renews("fake-2", "sleep 0.3");
  host_.log_in("fake-1", 1000);
  start();
  LoginBroker second(host_.login);
  std::filesystem::create_directory(host_.home / "box2");
  second.start(loop_,
               sys::UniqueFd(::open((host_.home / "box2").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), {});
  EXPECT_TRUE(box_gets("fake-2"));
  EXPECT_TRUE(LoginTestHost::turn(loop_, [&] { return host_.home.exists("box2/.credentials.json"); }));
  quiet();
  EXPECT_EQ(host_.runs(), 1U);
}

// --- before a start

class RenewBeforeStart : public LoginBrokerTest {
 protected:
  LoginAtStart renew() {
    return renew_before_start(host_.login, [this] { ++waited_; });
  }
  int waited_ = 0;
};

TEST_F(RenewBeforeStart, OneThatIsGoodIsLeftAlone) {
  host_.client_that_renews("fake-2");
  host_.log_in("fake-1", kHours);
  EXPECT_TRUE(renew().usable);
  EXPECT_EQ(host_.runs(), 0U);
}

TEST_F(RenewBeforeStart, OneThatHasRunOutIsRenewed) {
  host_.client_that_renews("fake-2", "sleep 0.8");
  host_.log_in("fake-1", -1000);
  EXPECT_TRUE(renew().usable);
  EXPECT_EQ(host_.runs(), 1U);
  EXPECT_EQ(waited_, 1);
}

TEST_F(RenewBeforeStart, OneThatCantBeRenewedIsGoodUntilItRunsOut) {
  host_.client("exit 1");
  host_.log_in("fake-1", 60'000);
  EXPECT_TRUE(renew().usable);
  host_.log_in("fake-1", -60'000);
  EXPECT_FALSE(renew().usable);
  EXPECT_THAT(renew().problem, HasSubstr("your login has run out and could not be renewed"));
  EXPECT_EQ(host_.runs(), 3U);
}

TEST_F(RenewBeforeStart, WhatTheClientMadeOfItIsSaid) {
  host_.client(
      "echo '{\"claudeAiOauth\":{\"accessToken\":\"\",\"expiresAt\":0}}' >\"$LOGIN_AT/.credentials.json\"");
  host_.log_in("fake-1", -1000);
  EXPECT_THAT(renew().problem, HasSubstr("says that you are logged out"));
}

}  // namespace
}  // namespace claudebox::runtime
