#include "gateway/dns_clients.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include "dns_sockets.h"

namespace claudebox::gateway {
namespace {

using dns::Bytes;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Clients : public ::testing::Test {
 protected:
  struct Asked {
    Bytes query;
    Asker asker;
  };

  sys::UniqueFd connect() {
    auto socket = dns::client_of(tcp.get(), SOCK_STREAM);
    dns::settle(loop);
    return socket;
  }
  void send_all(int socket, const Bytes& bytes) {
    ASSERT_TRUE(dns::send(socket, bytes));
    dns::settle(loop);
  }
  void answer(std::size_t which) { clients.reply(asked.at(which).asker, asked.at(which).query); }

  sys::EventLoop loop;
  sys::UniqueFd udp = dns::serve(SOCK_DGRAM), tcp = dns::serve(SOCK_STREAM);
  std::vector<Asked> asked;
  std::vector<std::uint32_t> gone;
  bool at_once = false;  // as a refused name is answered
  bool large = false;    // with more than was asked
  int depth = 0;
  int queries = 0;
  DnsClients clients{loop, udp.get(), tcp.get(),
                     [this](Bytes query, const Asker& asker) {
                       EXPECT_EQ(depth, 0) << "a query within a query";
                       ++depth;
                       ++queries;
                       if (at_once) clients.reply(asker, large ? Bytes(60000, 1) : query);
                       --depth;
                       if (at_once) return;
                       asked.push_back({std::move(query), asker});
                     },
                     [this](std::uint32_t client) { gone.push_back(client); }};
};

TEST_F(Clients, GetTheirDatagramsAnswered) {
  const auto first = dns::client_of(udp.get(), SOCK_DGRAM), second = dns::client_of(udp.get(), SOCK_DGRAM);
  dns::send(first.get(), {1});
  dns::send(second.get(), {2, 2});
  dns::settle(loop);
  ASSERT_THAT(asked, SizeIs(2));
  answer(1);
  answer(0);
  EXPECT_EQ(dns::receive(first.get()), Bytes{1});
  EXPECT_EQ(dns::receive(second.get()), (Bytes{2, 2}));
  clients.reply(asked[0].asker, {});
  EXPECT_THAT(dns::receive(first.get()), IsEmpty());
  EXPECT_FALSE(clients.busy());
}

TEST_F(Clients, ThatReadNoDatagramsDoNotStopTheLoop) {
  at_once = true;
  std::vector<sys::UniqueFd> deaf(20);
  for (auto& socket : deaf) {
    socket = dns::client_of(udp.get(), SOCK_DGRAM);
    for (int i = 0; i < 50; ++i) {
      dns::send(socket.get(), Bytes(9000, 1));
      dns::settle(loop);
    }
  }
}

TEST_F(Clients, SendSeveralQueriesInPieces) {
  const auto socket = connect();
  auto bytes = net::framed(Bytes{1, 2, 3});
  dns::put(bytes, net::framed(Bytes{4}));
  for (const auto byte : bytes) send_all(socket.get(), {byte});
  ASSERT_THAT(asked, SizeIs(2));
  answer(1);  // in any order, RFC 7766 section 7
  answer(0);
  EXPECT_THAT(dns::receive_framed(socket.get()), ElementsAre(Bytes{4}, Bytes{1, 2, 3}));
}

TEST_F(Clients, SendManyAtOnceAndHaveSomeOpen) {
  const auto socket = connect();
  Bytes bytes;
  for (std::uint8_t i = 0; i < 30; ++i) dns::put(bytes, net::framed(Bytes{i}));
  send_all(socket.get(), bytes);
  EXPECT_THAT(asked, SizeIs(DnsClients::kMaxOpen));
  for (std::size_t i = 0; i < 30; ++i) {
    ASSERT_LT(i, asked.size());
    answer(i);
  }
  EXPECT_THAT(dns::receive_framed(socket.get()), SizeIs(30));
}

TEST_F(Clients, AreServedAtOnceWithoutNesting) {
  at_once = true;
  const auto socket = connect();
  Bytes bytes;
  for (int i = 0; i < 20000; ++i) dns::put(bytes, {0, 0});
  send_all(socket.get(), bytes);
  EXPECT_TRUE(dns::is_closed(socket.get())) << "an empty message has no answer";
  const auto other = connect();
  bytes.clear();
  for (int i = 0; i < 10000; ++i) dns::put(bytes, net::framed(Bytes{7}));
  send_all(other.get(), bytes);
  EXPECT_THAT(dns::receive_framed(other.get()), SizeIs(10000));
}

TEST_F(Clients, MayCloseTheirHalfAndStillGetTheirAnswers) {
  const auto socket = connect();
  send_all(socket.get(), net::framed(Bytes{1}));
  ::shutdown(socket.get(), SHUT_WR);
  dns::settle(loop);
  EXPECT_THAT(gone, IsEmpty());
  answer(0);
  EXPECT_THAT(dns::receive_framed(socket.get()), ElementsAre(Bytes{1}));
  EXPECT_TRUE(dns::is_closed(socket.get()));
  EXPECT_FALSE(clients.busy());
}

TEST_F(Clients, ThatResetTheConnectionAreGone) {
  auto socket = connect();
  send_all(socket.get(), net::framed(Bytes{1}));
  ::shutdown(socket.get(), SHUT_WR);
  dns::settle(loop);
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  socket.reset();
  dns::settle(loop);
  EXPECT_THAT(gone, ElementsAre(asked[0].asker.client));
  answer(0);  // goes nowhere
  EXPECT_FALSE(clients.busy());
}

TEST_F(Clients, GetTheLongestMessagesThrough) {
  const auto socket = connect();
  const Bytes longest(net::kMaxDnsMessage, 7);
  const auto bytes = net::framed(longest);
  // The last byte comes alone, when there is nothing but a long beginning.
  Bytes got;
  std::size_t sent = 0;
  for (const std::size_t until : {bytes.size() - 1, bytes.size()}) {
    EXPECT_THAT(asked, IsEmpty());
    while (sent < until) {
      const ssize_t put = ::send(socket.get(), bytes.data() + sent, until - sent, MSG_NOSIGNAL);
      sent += put > 0 ? static_cast<std::size_t>(put) : 0;
      dns::settle(loop);
    }
  }
  ASSERT_TRUE(dns::turn_until(loop, [&] { return !asked.empty(); }));
  EXPECT_EQ(asked[0].query, longest);
  answer(0);
  EXPECT_TRUE(dns::turn_until(loop, [&] {
    dns::put(got, dns::receive(socket.get()));
    return got.size() >= bytes.size();
  }));
  EXPECT_EQ(got, bytes);
}

TEST_F(Clients, ThatNeverReadAreNotReadFromForEver) {
  at_once = true;
  const auto socket = connect();
  const auto chunk = net::framed(Bytes(1000, 1));
  constexpr std::size_t kTooMuch = 64 << 20;  // more than the kernel's buffers and ours
  std::size_t sent = 0;
  for (int full = 0; full < 20 && sent < kTooMuch;) {
    const ssize_t put = ::send(socket.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
    if (put == static_cast<ssize_t>(chunk.size())) {
      sent += chunk.size();
    } else if (put < 0) {
      dns::settle(loop);
      ++full;
    } else {
      break;  // part of one: the kernel's buffer is full and stays so
    }
  }
  EXPECT_LT(sent, kTooMuch);
}

TEST_F(Clients, ThatNeverReadGetNoMoreAnswersThanTheKernelHolds) {
  at_once = large = true;
  const auto socket = connect();
  Bytes bytes;
  for (int i = 0; i < 5000; ++i) dns::put(bytes, net::framed(Bytes{7}));
  send_all(socket.get(), bytes);
  EXPECT_GT(queries, 0);
  EXPECT_LT(queries, 2000);
}

TEST_F(Clients, AreClosedWhenTheyAreIdle) {
  const auto idle = connect();
  const auto waiting = connect();
  send_all(waiting.get(), net::framed(Bytes{1}));
  const auto now = std::chrono::steady_clock::now();
  clients.expire(now + DnsClients::kIdleLimit - std::chrono::seconds(5));
  EXPECT_FALSE(dns::is_closed(idle.get()));
  clients.expire(now + DnsClients::kIdleLimit);
  EXPECT_TRUE(dns::is_closed(idle.get()));
  EXPECT_FALSE(dns::is_closed(waiting.get())) << "its answer has its own limit";
}

TEST_F(Clients, MakeRoomForNewOnesWhenTheyAskNothing) {
  std::vector<sys::UniqueFd> sockets;
  for (std::size_t i = 0; i < DnsClients::kMaxClients; ++i) sockets.push_back(connect());
  send_all(sockets[0].get(), net::framed(Bytes{1}));
  const auto next = connect();
  EXPECT_FALSE(dns::is_closed(sockets[0].get())) << "it waits for an answer";
  EXPECT_TRUE(dns::is_closed(sockets[1].get())) << "it was idle longest";
  EXPECT_FALSE(dns::is_closed(next.get()));
  for (const auto& socket : sockets) dns::send(socket.get(), net::framed(Bytes{1}));
  dns::send(next.get(), net::framed(Bytes{1}));
  dns::settle(loop);
  EXPECT_TRUE(dns::is_closed(connect().get())) << "all wait for answers";
}

TEST_F(Clients, WaitQuietlyWhileThereAreNoDescriptors) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const auto socket = dns::client_of(tcp.get(), SOCK_STREAM);
  const sys::UniqueFd last(::dup(socket.get()));
  const rlimit none{.rlim_cur = static_cast<rlim_t>(last.get()) + 1, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  dns::settle(loop);
  const auto start = std::chrono::steady_clock::now();
  loop.wait_once(30);
  const auto waited = std::chrono::steady_clock::now() - start;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_GE(waited, std::chrono::milliseconds(25)) << "the loop turned for nothing";
  EXPECT_TRUE(clients.busy()) << "so that it is tried again";
  clients.expire(std::chrono::steady_clock::now());
  dns::send(socket.get(), net::framed(Bytes{1}));
  dns::settle(loop);
  EXPECT_THAT(asked, SizeIs(1));
}

}  // namespace
}  // namespace claudebox::gateway
