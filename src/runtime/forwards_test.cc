// What goes through.
#include "runtime/forwards.h"

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

TEST_F(ForwardsTest, APublishedPortLeadsToTheBoxesLoopback) {
  const UniqueFd server = box_listener();
  run([&] {
    const UniqueFd near = client();
    const UniqueFd far = accepted(server);
    put(near, "GET");
    EXPECT_EQ(take(far, 3), "GET");
    put(far, "200");
    EXPECT_EQ(take(near, 3), "200");
  });
}

TEST_F(ForwardsTest, AReachedPortLeadsToTheHostsLoopback) {
  const UniqueFd server = listening(host_socket(AF_INET), AF_INET, reached_port_);
  run([&] {
    const UniqueFd near = connected(box_.socket(AF_INET), AF_INET, reached_port_);
    const UniqueFd far = accepted(server);
    put(near, "SELECT");
    EXPECT_EQ(take(far, 6), "SELECT");
    put(far, "42");
    EXPECT_EQ(take(near, 2), "42");
  });
}

TEST_F(ForwardsTest, EachFamilyReachesEachFamily) {
  if (!has_ipv6()) GTEST_SKIP() << "no IPv6 here";
  const UniqueFd box_server = box_listener(AF_INET6);
  const UniqueFd host_server = listening(host_socket(AF_INET6), AF_INET6, reached_port_);
  run([&] {
    for (const int family : {AF_INET, AF_INET6}) {
      const UniqueFd near = client(family);
      const UniqueFd far = accepted(box_server);
      put(near, "a");
      EXPECT_EQ(take(far, 1), "a");
      const UniqueFd inside = connected(box_.socket(family), family, reached_port_);
      const UniqueFd outside = accepted(host_server);
      put(inside, "b");
      EXPECT_EQ(take(outside, 1), "b");
    }
  });
}

TEST_F(ForwardsTest, WhoHasEndedSendingStillGetsTheAnswer) {
  const UniqueFd server = box_listener();
  run([&] {
    const UniqueFd near = client();
    const UniqueFd far = accepted(server);
    put(near, "question");
    end_sending(near);
    EXPECT_EQ(take_all(far), "question");
    put(far, "answer");
    end_sending(far);
    EXPECT_EQ(take_all(near), "answer");

    // And the other side first.
    const UniqueFd second = client();
    const UniqueFd greeter = accepted(server);
    put(greeter, "banner");
    end_sending(greeter);
    EXPECT_EQ(take_all(second), "banner");
    put(second, "late");
    end_sending(second);
    EXPECT_EQ(take_all(greeter), "late");
  });
}

TEST_F(ForwardsTest, EveryByteArrivesInOrderBothWaysAtOnce) {
  const UniqueFd server = box_listener();
  const std::string up = pattern(20 << 20);
  const std::string down = up.substr(12345);
  run([&] {
    const UniqueFd near = client();
    const UniqueFd far = accepted(server);
    std::thread sender([&] {
      sys::write_all(near.get(), up);
      end_sending(near);
    });
    std::thread answerer([&] {
      sys::write_all(far.get(), down);
      end_sending(far);
    });
    std::string got;
    std::thread reader([&] { got = take_all(far); });
    EXPECT_TRUE(take_all(near) == down);
    sender.join();
    answerer.join();
    reader.join();
    EXPECT_TRUE(got == up);
  });
}

TEST_F(ForwardsTest, WhatWasSentBeforeACloseArrivesAtASlowReader) {
  const UniqueFd server = box_listener();
  const std::string sent = pattern(3 << 20);
  run([&] {
    UniqueFd near = client();
    const UniqueFd far = accepted(server);
    end_sending(far);
    EXPECT_EQ(take_all(near), "");
    std::thread sender([&] {
      sys::write_all(near.get(), sent);
      near.reset();
    });
    ::usleep(50000);
    EXPECT_TRUE(take_all(far) == sent);
    sender.join();
  });
}

TEST_F(ForwardsTest, ManyConnectionsAtATimeAndMoreThanTheLimitOneAfterAnother) {
  const UniqueFd server = box_listener();
  run([&] {
    std::thread echo([&] {
      for (int i = 0; i < 400; ++i) {
        const UniqueFd far = accepted(server);
        put(far, take_all(far));
      }
    });
    std::vector<std::thread> clients;
    for (int c = 0; c < 20; ++c)
      clients.emplace_back([&, c] {
        for (int i = 0; i < 20; ++i) {
          const std::string text = std::to_string(c * 100 + i);
          const UniqueFd near = client();
          put(near, text);
          end_sending(near);
          EXPECT_EQ(take_all(near), text);
        }
      });
    for (auto& thread : clients) thread.join();
    echo.join();
  });
}

TEST_F(ForwardsTest, BeyondTheLimitConnectionsWaitUntilOthersEnd) {
  network_.reach.clear();
  const UniqueFd server = box_listener();
  forwards_ = std::make_unique<Forwards>(network_);
  forwards_->start(loop_, box_.pid, {});
  run([&] {
    std::vector<UniqueFd> near;
    std::vector<UniqueFd> far;
    for (std::size_t i = 0; i < kMaxForwarded; ++i) {
      near.push_back(client());
      far.push_back(accepted(server));
    }
    const UniqueFd waiting = client();
    put(waiting, "at last");
    timeval soon{.tv_sec = 0, .tv_usec = 100000};
    ::setsockopt(server.get(), SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
    EXPECT_EQ(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC), -1);
    near.pop_back();
    far.pop_back();
    const UniqueFd served = accepted(server);
    EXPECT_EQ(take(served, 7), "at last");
  });
}

}  // namespace
}  // namespace claudebox::runtime
