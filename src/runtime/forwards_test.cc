// With a network namespace made by the test. The test's process is the supervisor and runs the loop; a thread plays the
// programs on both sides, with blocking sockets.
#include "runtime/forwards.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <ctime>
#include <thread>

#include "base/error.h"
#include "runtime/forward_helper.h"

namespace claudebox::runtime {
namespace {

using sys::UniqueFd;
using ::testing::HasSubstr;

void write_file(const char* path, const std::string& text) {
  const UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
  [[maybe_unused]] const auto ignored = ::write(file.get(), text.data(), text.size());
}

bool loopback_up() {
  const UniqueFd control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  ::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP;
  return ::ioctl(control.get(), SIOCSIFFLAGS, &request) == 0;
}

bool has_ipv6() {
  const UniqueFd file(::open("/proc/net/if_inet6", O_RDONLY | O_CLOEXEC));
  return static_cast<bool>(file);
}

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Address loopback(int family, std::uint16_t port) {
  Address address;
  if (family == AF_INET) {
    const sockaddr_in v4{
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    std::memcpy(&address.storage, &v4, address.length = sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    v6.sin6_addr = in6addr_loopback;
    std::memcpy(&address.storage, &v6, address.length = sizeof v6);
  }
  return address;
}

/// A user and network namespace with a process that makes sockets there.
class Box {
 public:
  Box() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    channel_.reset(ends[0]);
    const UniqueFd theirs(ends[1]);
    const std::string uid = std::to_string(::getuid());
    const std::string gid = std::to_string(::getgid());
    pid = ::fork();
    if (pid == 0) {
      channel_.reset();
      if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) ::_exit(1);
      write_file("/proc/self/setgroups", "deny");
      write_file("/proc/self/uid_map", uid + " " + uid + " 1");
      write_file("/proc/self/gid_map", gid + " " + gid + " 1");
      if (!loopback_up()) ::_exit(1);
      serve(theirs.get());
    }
    // The first socket also says that the namespaces are there.
    EXPECT_TRUE(socket(AF_INET));
  }
  ~Box() {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;

  UniqueFd socket(int family) const {
    const auto byte = static_cast<char>(family);
    if (::send(channel_.get(), &byte, 1, MSG_NOSIGNAL) != 1) return {};
    char data = 0;
    iovec part{&data, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (::recvmsg(channel_.get(), &message, MSG_CMSG_CLOEXEC) <= 0 || !CMSG_FIRSTHDR(&message)) return {};
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptor);
    return UniqueFd(descriptor);
  }

  pid_t pid = -1;

 private:
  [[noreturn]] static void serve(int channel) {
    char family = 0;
    while (::recv(channel, &family, 1, 0) == 1) {
      const UniqueFd made(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
      iovec part{&family, 1};
      alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      const int descriptor = made.get();
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      *header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
      std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
      ::sendmsg(channel, &message, MSG_NOSIGNAL);
    }
    ::_exit(0);
  }

  UniqueFd channel_;
};

UniqueFd host_socket(int family) {
  return UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

UniqueFd listening(UniqueFd socket, int family, std::uint16_t port) {
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  Address address = loopback(family, port);
  EXPECT_EQ(::bind(socket.get(), address.get(), address.length), 0) << std::strerror(errno);
  EXPECT_EQ(::listen(socket.get(), 128), 0);
  return socket;
}

std::uint16_t port_of(const UniqueFd& socket) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

std::uint16_t free_port() {
  return port_of(listening(host_socket(AF_INET), AF_INET, 0));
}

UniqueFd connected(UniqueFd socket, int family, std::uint16_t port) {
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  Address address = loopback(family, port);
  if (::connect(socket.get(), address.get(), address.length) < 0) return {};
  return socket;
}

UniqueFd accepted(const UniqueFd& listener) {
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(listener.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  UniqueFd socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(socket) << std::strerror(errno);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return socket;
}

void put(const UniqueFd& socket, std::string_view text) {
  ASSERT_EQ(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}
void end_sending(const UniqueFd& socket) {
  ASSERT_EQ(::shutdown(socket.get(), SHUT_WR), 0);
}
/// Up to `size` bytes, fewer at the end of the stream; "reset" or an errno text where it fails.
std::string take(const UniqueFd& socket, std::size_t size) {
  std::string out;
  while (out.size() < size) {
    char buffer[65536];
    const ssize_t got = ::recv(socket.get(), buffer, std::min(sizeof buffer, size - out.size()), 0);
    if (got < 0 && errno == ECONNRESET) return "reset";
    if (got < 0) return std::strerror(errno);
    if (got == 0) break;
    out.append(buffer, static_cast<std::size_t>(got));
  }
  return out;
}
std::string take_all(const UniqueFd& socket) {
  return take(socket, std::string::npos);
}

/// Bytes that repeat nowhere near a pipe's size.
std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  std::uint32_t value = 12345;
  for (auto& c : out) {
    value = value * 1664525 + 1013904223;
    c = static_cast<char>(value >> 24U);
  }
  return out;
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (int i = 0; i < 4096; ++i)
    if (::fcntl(i, F_GETFD) >= 0) ++count;
  return count;
}

/// Processor time of this process so far, in milliseconds.
std::int64_t used() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

class ForwardsTest : public ::testing::Test {
 protected:
  ForwardsTest() {
    ::signal(SIGPIPE, SIG_IGN);
    network_.publish = {{.host_port = host_port_, .box_port = 3000, .origin = {}}};
    network_.reach = {{.port = reached_port_, .origin = {}}};
  }

  std::vector<UniqueFd> reach_listeners() const {
    std::vector<UniqueFd> out;
    for (const int family : {AF_INET, AF_INET6}) {
      out.push_back(family == AF_INET6 && !has_ipv6()
                        ? UniqueFd()
                        : listening(box_.socket(family), family, reached_port_));
      if (out.back()) ::fcntl(out.back().get(), F_SETFL, O_NONBLOCK);
    }
    return out;
  }

  /// Runs the loop while `programs` runs in a thread.
  void run(const std::function<void()>& programs) {
    if (!forwards_) {
      forwards_ = std::make_unique<Forwards>(network_);
      forwards_->start(loop_, box_.pid, reach_listeners());
    }
    sys::Pipe done = sys::make_pipe();
    loop_.add(done.read.get(), EPOLLIN, [this](std::uint32_t) { loop_.stop(); });
    std::thread thread([&] {
      programs();
      sys::write_all(done.write.get(), "x");
    });
    loop_.run();
    thread.join();
    loop_.remove(done.read.get());
  }

  UniqueFd box_listener(int family = AF_INET) const { return listening(box_.socket(family), family, 3000); }
  UniqueFd client(int family = AF_INET) const { return connected(host_socket(family), family, host_port_); }

  Box box_;
  std::uint16_t host_port_ = free_port();
  std::uint16_t reached_port_ = free_port();
  plan::Network network_;
  sys::EventLoop loop_;
  std::unique_ptr<Forwards> forwards_;
};

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
