// Each attempt runs in a child that was confined as the gateway is.
#include "gateway/confine.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "sys/seccomp.h"

namespace claudebox::gateway {
namespace {

constexpr int kReached = 42;

/// How a child ended in which `attempt` was made with the descriptors of a gateway. Its exit status, or 1000 and the signal.
int confined(const std::function<void()>& attempt, bool locked = true) {
  const pid_t child = ::fork();
  if (child == 0) {
    int control[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, control) < 0 || ::dup2(control[0], 3) < 0) ::_exit(1);
    drop_access();
    // In the numbers that the filter speaks of: epoll, and three sockets for tun, UDP and TCP.
    if (::epoll_create1(0) != sys::kGatewayEpoll) ::_exit(2);
    for (const int type : {SOCK_DGRAM, SOCK_DGRAM, SOCK_STREAM})
      if (::socket(AF_INET, type, 0) < 0) ::_exit(3);
    if (locked) lock_system_calls();
    attempt();
    ::syscall(SYS_exit_group, kReached);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

sockaddr_in loopback() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void send_to_loopback(int socket) {
  const auto address = loopback();
  ::sendto(socket, "x", 1, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

struct Attempt {
  const char* name;
  std::function<void()> make;
};

std::vector<Attempt> forbidden() {
  return {
      {"open a file", [] { ::open("/etc/passwd", O_RDONLY); }},
      {"a socket", [] { ::socket(AF_INET, SOCK_STREAM, 0); }},
      {"a unix socket", [] { ::socket(AF_UNIX, SOCK_STREAM, 0); }},
      {"connect a socket that it has",
       [] {
         const auto address = loopback();
         ::connect(sys::kGatewayTun, reinterpret_cast<const sockaddr*>(&address), sizeof address);
       }},
      {"bind",
       [] {
         const auto address = loopback();
         ::bind(sys::kGatewayTun, reinterpret_cast<const sockaddr*>(&address), sizeof address);
       }},
      {"UDP to an address on another socket", [] { send_to_loopback(sys::kGatewayTun); }},
      {"accept on another socket", [] { ::accept4(sys::kGatewayTun, nullptr, nullptr, 0); }},
      {"receive descriptors on another socket",
       [] {
         msghdr message{};
         ::recvmsg(sys::kGatewayUdp, &message, MSG_DONTWAIT);
       }},
      {"close what the filter speaks of", [] { ::close(sys::kGatewayUdp); }},
      {"the same with rubbish in the upper half",
       [] { ::syscall(SYS_close, 0x100000000UL | static_cast<unsigned>(sys::kGatewayUdp)); }},
      {"dup2", [] { ::dup2(0, sys::kGatewayUdp); }},
      {"kill", [] { ::kill(::getppid(), 0); }},
      {"ptrace", [] { ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }},
      {"fork", [] { ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }},
      {"execve",
       [] {
         char name[] = "/bin/true";
         char* const arguments[] = {name, nullptr};
         ::execve(name, arguments, nullptr);
       }},
      {"executable memory",
       [] { ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }},
      {"shared memory", [] { ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0); }},
      {"mprotect", [] { ::mprotect(nullptr, 4096, PROT_EXEC); }},
      {"unshare", [] { ::syscall(SYS_unshare, 0x10000000); }},
      {"stat",
       [] {
         struct stat info{};
         ::stat("/", &info);
       }},
      {"chmod", [] { ::chmod("/tmp", 0777); }},
      {"ioctl", [] { ::syscall(SYS_ioctl, 0, 0, 0); }},
      {"io_uring", [] { ::syscall(SYS_io_uring_setup, 1, nullptr); }},
  };
}

TEST(Confinement, EndsTheProcessAtEveryCallThatTheGatewayDoesNotMake) {
  for (const auto& [name, make] : forbidden()) EXPECT_EQ(confined(make), 1000 + SIGSYS) << name;
}

TEST(Confinement, LetsTheGatewayDoItsWork) {
  EXPECT_EQ(confined([] {
              char buffer[64];
              [[maybe_unused]] auto ignored = ::read(sys::kGatewayTun, buffer, 0);
              ignored = ::send(sys::kGatewayControl, buffer, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
              send_to_loopback(sys::kGatewayUdp);
              msghdr message{};
              ::recvmsg(sys::kGatewayControl, &message, MSG_DONTWAIT);
              ::accept4(sys::kGatewayTcp, nullptr, nullptr, SOCK_NONBLOCK);
              ::close(sys::kGatewayTcp + 1);
              ::close(sys::kGatewayMaxDescriptor);
              epoll_event event{};
              ::epoll_wait(sys::kGatewayEpoll, &event, 1, 0);
              const std::string large(1 << 20, 'x');  // memory from the system and back
            }),
            kReached);
}

TEST(Confinement, HoldsWithoutTheFilterWhereLandlockCan) {
  const auto check = [](bool ok) {
    if (!ok) ::syscall(SYS_exit_group, 7);
  };
  EXPECT_EQ(confined([&] { check(::open("/etc/passwd", O_RDONLY) < 0); }, false), kReached);
  EXPECT_EQ(confined([&] { check(::open("/proc/self/mem", O_RDONLY) < 0); }, false), kReached);
}

TEST(Confinement, LeavesNoDescriptorOpenAndNoTerminal) {
  const pid_t child = ::fork();
  if (child == 0) {
    int control[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, control) < 0 || ::dup2(control[0], 3) < 0) ::_exit(1);
    const int left = ::open("/etc/passwd", O_RDONLY);
    if (left < 4) ::_exit(2);
    drop_access();
    if (::fcntl(left, F_GETFD) >= 0) ::_exit(3);
    if (::isatty(0) || ::isatty(2)) ::_exit(4);
    ::_exit(kReached);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), kReached);
}

}  // namespace
}  // namespace claudebox::gateway
