// How connections, the helper and the ports end, and what they cost while nothing happens.
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <cstring>
#include <thread>

#include "base/error.h"
#include "forwards_host.h"
#include "runtime/forward_helper.h"

namespace claudebox::runtime {
namespace {

using ::testing::HasSubstr;

TEST_F(ForwardsTest, NobodyThereIsAReset) {
  run([&] {
    const UniqueFd near = client();
    EXPECT_EQ(take_all(near), "reset");
    const UniqueFd inside = connected(box_.socket(AF_INET), AF_INET, reached_port_);
    EXPECT_EQ(take_all(inside), "reset");
  });
}

TEST_F(ForwardsTest, AResetOfOneSideResetsTheOther) {
  const UniqueFd server = box_listener();
  run([&] {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    const UniqueFd near = client();
    UniqueFd far = accepted(server);
    put(near, "x");
    EXPECT_EQ(take(far, 1), "x");
    ::setsockopt(far.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    far.reset();
    EXPECT_EQ(take_all(near), "reset");

    UniqueFd leaver = client();
    const UniqueFd left = accepted(server);
    ::setsockopt(leaver.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    leaver.reset();
    EXPECT_EQ(take_all(left), "reset");
  });
}

TEST_F(ForwardsTest, ConnectionsThatWaitCostNoProcessorTime) {
  const UniqueFd server = box_listener();
  run([&] {
    const UniqueFd idle = client();
    const UniqueFd idle_far = accepted(server);
    const UniqueFd half = client();
    const UniqueFd half_far = accepted(server);
    end_sending(half);
    EXPECT_EQ(take_all(half_far), "");
    const auto before = used();
    ::usleep(300000);
    EXPECT_LT(used() - before, 100);
  });
}

TEST_F(ForwardsTest, AHangUpBehindDataThatNobodyReadsCostsNoProcessorTime) {
  const UniqueFd server = box_listener();
  run([&] {
    UniqueFd near = client();
    const UniqueFd far = accepted(server);
    end_sending(far);
    ::fcntl(near.get(), F_SETFL, O_NONBLOCK);
    const std::string block = pattern(1 << 20);
    for (int full = 0; full < 20;) {
      if (::send(near.get(), block.data(), block.size(), MSG_NOSIGNAL) > 0) continue;
      ++full;
      ::usleep(1000);
    }
    near.reset();
    // At some of these stops all that was sent has arrived in front of the relay, the end of it, too.
    std::size_t got = 0;
    do {
      const auto before = used();
      ::usleep(30000);
      EXPECT_LT(used() - before, 20);
      got = take(far, 300000).size();
    } while (got == 300000);
  });
}

TEST_F(ForwardsTest, NothingIsLeftAfterwards) {
  const UniqueFd server = box_listener();
  const std::size_t before = open_descriptors();
  run([&] {
    for (int i = 0; i < 20; ++i) {
      const UniqueFd near = client();
      const UniqueFd far = accepted(server);
      put(near, pattern(100000));
      if (i % 2 == 0) {
        EXPECT_EQ(take(far, 100000).size(), 100000U);
      }
    }
  });
  forwards_.reset();
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), 0);  // the box's process alone, which still runs
  EXPECT_FALSE(client());
}

TEST_F(ForwardsTest, AHelperThatWasKilledIsReplaced) {
  int answers = 0;
  const std::unique_ptr<ForwardHelper> helper = std::make_unique<ForwardHelper>(loop_, box_.pid);
  const pid_t first = helper->pid();
  ::kill(first, SIGKILL);
  ::usleep(20000);
  for (const int family : {AF_INET, AF_INET, 77})
    helper->request(family, [&, family](const UniqueFd& socket) {
      EXPECT_EQ(static_cast<bool>(socket), family == AF_INET);
      if (++answers == 3) loop_.stop();
    });
  loop_.run();
  EXPECT_EQ(answers, 3);
  EXPECT_NE(helper->pid(), first);
  EXPECT_EQ(::kill(first, 0), -1);
}

TEST_F(ForwardsTest, TheHelperDiesWithTheSupervisor) {
  sys::Pipe pipe = sys::make_pipe();
  const pid_t supervisor = ::fork();
  if (supervisor == 0) {
    sys::EventLoop loop;
    const ForwardHelper helper(loop, box_.pid);
    // Another child has the supervisor's end of the channel, so that the channel does not end.
    const pid_t bystander = ::fork();
    if (bystander == 0) {
      ::pause();
      ::_exit(0);
    }
    const pid_t pids[] = {helper.pid(), bystander};
    sys::write_all(pipe.write.get(), {reinterpret_cast<const char*>(pids), sizeof pids});
    ::pause();
    ::_exit(0);
  }
  pid_t pids[2] = {};
  ASSERT_EQ(::read(pipe.read.get(), pids, sizeof pids), static_cast<ssize_t>(sizeof pids));
  const pid_t helper = pids[0];
  const pid_t bystander = pids[1];
  EXPECT_EQ(::kill(helper, 0), 0);
  ::kill(supervisor, SIGKILL);
  ::waitpid(supervisor, nullptr, 0);
  // Reaped by somebody else, who may take a moment; a zombie is dead enough.
  const auto alive = [helper] {
    const UniqueFd file(::open(("/proc/" + std::to_string(helper) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
    return file && sys::read_all(file.get()).find(") Z ") == std::string::npos;
  };
  for (int i = 0; i < 200 && alive(); ++i) ::usleep(10000);
  EXPECT_FALSE(alive());
  ::kill(bystander, SIGKILL);
}

TEST_F(ForwardsTest, APortThatIsTakenIsSaidBeforeTheStart) {
  const UniqueFd other = listening(host_socket(AF_INET), AF_INET, host_port_);
  try {
    const Forwards forwards(network_);
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("can't publish on port " + std::to_string(host_port_)));
    EXPECT_THAT(error.message(), HasSubstr("127.0.0.1: it is taken"));
    EXPECT_THAT(error.hint(), HasSubstr("--publish OTHER:3000"));
  }
}

TEST_F(ForwardsTest, APortThatIsTakenOnTheOtherFamilyIsSaidAsWell) {
  if (!has_ipv6()) GTEST_SKIP() << "no IPv6 here";
  const UniqueFd other = listening(host_socket(AF_INET6), AF_INET6, host_port_);
  EXPECT_THROW(Forwards{network_}, base::Error);
}

TEST_F(ForwardsTest, WithoutPortsNothingIsStarted) {
  const std::size_t before = open_descriptors();
  Forwards forwards{plan::Network{}};
  forwards.start(loop_, box_.pid, {});
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace claudebox::runtime
