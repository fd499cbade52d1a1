// With a network namespace made by the test. The test's process is the supervisor and runs the loop; a thread plays the
// programs on both sides, with blocking sockets.
#pragma once

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

#include "runtime/forwards.h"

namespace claudebox::runtime {

using sys::UniqueFd;

inline void write_file(const char* path, const std::string& text) {
  const UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
  [[maybe_unused]] const auto ignored = ::write(file.get(), text.data(), text.size());
}

inline bool loopback_up() {
  const UniqueFd control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  ::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP;
  return ::ioctl(control.get(), SIOCSIFFLAGS, &request) == 0;
}

inline bool has_ipv6() {
  const UniqueFd file(::open("/proc/net/if_inet6", O_RDONLY | O_CLOEXEC));
  return static_cast<bool>(file);
}

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

inline Address loopback(int family, std::uint16_t port) {
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

inline UniqueFd host_socket(int family) {
  return UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

inline UniqueFd listening(UniqueFd socket, int family, std::uint16_t port) {
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  Address address = loopback(family, port);
  EXPECT_EQ(::bind(socket.get(), address.get(), address.length), 0) << std::strerror(errno);
  EXPECT_EQ(::listen(socket.get(), 128), 0);
  return socket;
}

inline std::uint16_t port_of(const UniqueFd& socket) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

inline std::uint16_t free_port() {
  return port_of(listening(host_socket(AF_INET), AF_INET, 0));
}

inline UniqueFd connected(UniqueFd socket, int family, std::uint16_t port) {
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  Address address = loopback(family, port);
  if (::connect(socket.get(), address.get(), address.length) < 0) return {};
  return socket;
}

inline UniqueFd accepted(const UniqueFd& listener) {
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(listener.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  UniqueFd socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(socket) << std::strerror(errno);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return socket;
}

inline void put(const UniqueFd& socket, std::string_view text) {
  ASSERT_EQ(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}
inline void end_sending(const UniqueFd& socket) {
  ASSERT_EQ(::shutdown(socket.get(), SHUT_WR), 0);
}
/// Up to `size` bytes, fewer at the end of the stream; "reset" or an errno text where it fails.
inline std::string take(const UniqueFd& socket, std::size_t size) {
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
inline std::string take_all(const UniqueFd& socket) {
  return take(socket, std::string::npos);
}

/// Bytes that repeat nowhere near a pipe's size.
inline std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  std::uint32_t value = 12345;
  for (auto& c : out) {
    value = value * 1664525 + 1013904223;
    c = static_cast<char>(value >> 24U);
  }
  return out;
}

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for (int i = 0; i < 4096; ++i)
    if (::fcntl(i, F_GETFD) >= 0) ++count;
  return count;
}

/// Processor time of this process so far, in milliseconds.
inline std::int64_t used() {
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

}  // namespace claudebox::runtime
