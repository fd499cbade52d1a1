// Everything after the fork follows C rules: no allocation, no exception. The child is a copy of the supervisor, so it
// reads nothing but one byte from the supervisor itself, and keeps no descriptor but that channel.
#include "runtime/forward_helper.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "sys/fd_passing.h"

namespace claudebox::runtime {
namespace {

/// A helper that has been stopped must not hold the start up for longer.
constexpr int kJoinMilliseconds = 5000;

bool send_answer(int channel, int error, std::span<const int> descriptors) noexcept {
  std::array<std::uint8_t, sizeof error> bytes;
  ::memcpy(bytes.data(), &error, sizeof error);
  return sys::send_datagram(channel, bytes, descriptors);
}

struct Received {
  int error = 0;
  sys::UniqueFd descriptor;
};

/// Empty at the end of the channel; `again` is set where there is nothing to read yet.
std::optional<Received> receive_answer(int channel, bool& again) {
  Received received;
  std::array<std::uint8_t, sizeof received.error> buffer;
  auto datagram = sys::receive_datagram(channel, buffer, MSG_DONTWAIT);
  again = !datagram && errno == EAGAIN;
  if (!datagram || datagram->bytes.size() != buffer.size()) return {};
  ::memcpy(&received.error, buffer.data(), buffer.size());
  if (!datagram->descriptors.empty()) received.descriptor = std::move(datagram->descriptors.front());
  return received;
}

/// Should: run right after the fork. Mustn't: allocate, throw, return.
[[noreturn]] void serve(int channel, int user_namespace, int network_namespace, pid_t supervisor) noexcept {
  // The terminal's signals are for the box; this process ends with its channel.
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  const bool joined =
      ::setns(user_namespace, CLONE_NEWUSER) == 0 && ::setns(network_namespace, CLONE_NEWNET) == 0;
  const int error = joined ? 0 : errno;
  // After setns(2), which clears it. Who died before this line shows as another parent.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != supervisor) ::_exit(0);
  if (channel != 0 && ::dup2(channel, 0) < 0) ::_exit(1);
  ::syscall(SYS_close_range, 1U, ~0U, 0U);
  if (!send_answer(0, error, {}) || error != 0) ::_exit(1);
  std::uint8_t family = 0;
  while (::recv(0, &family, 1, 0) == 1) {
    const int made = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const bool sent = made < 0 ? send_answer(0, errno, {}) : send_answer(0, 0, {&made, 1});
    if (made >= 0) ::close(made);
    if (!sent) ::_exit(0);
  }
  ::_exit(0);
}

}  // namespace

ForwardHelper::ForwardHelper(sys::EventLoop& loop, pid_t box) : loop_(loop) {
  const std::string path = "/proc/" + std::to_string(box) + "/ns/net";
  const int network = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (network < 0 && errno == ENOENT) return;  // a process that has ended has none
  if (network < 0) base::throw_system_error(errno, "can't open the box's network namespace");
  network_namespace_.reset(network);
  user_namespace_.reset(::ioctl(network_namespace_.get(), NS_GET_USERNS));
  if (!user_namespace_) base::throw_system_error(errno, "can't open the box's user namespace");
  start();
}

ForwardHelper::~ForwardHelper() {
  end();
}

void ForwardHelper::start() {
  sys::SocketPair pair = sys::make_socket_pair();
  channel_ = std::move(pair.first);
  const sys::UniqueFd theirs = std::move(pair.second);
  const pid_t supervisor = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) base::throw_system_error(errno, "can't start the helper of --publish");
  if (pid_ == 0) {
    ::close(channel_.get());  // else it would never see the channel end
    serve(theirs.get(), user_namespace_.get(), network_namespace_.get(), supervisor);
  }
  pollfd wait{.fd = channel_.get(), .events = POLLIN, .revents = 0};
  int ready = 0;
  while ((ready = ::poll(&wait, 1, kJoinMilliseconds)) < 0 && errno == EINTR) {
  }
  bool again = false;
  const auto joined = ready > 0 ? receive_answer(channel_.get(), again) : std::nullopt;
  if (!joined || joined->error != 0) {
    end();
    base::throw_system_error(joined ? joined->error : ETIMEDOUT, "can't join the box's network namespace");
  }
  loop_.add(channel_.get(), EPOLLIN, [this](std::uint32_t) { receive(); });
}

void ForwardHelper::end() noexcept {
  if (channel_) loop_.remove(channel_.get());
  channel_.reset();
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);  // not yet reaped, so the number is still its own
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void ForwardHelper::request(int family, Answer answer) {
  questions_.push_back({family, std::move(answer)});
  if (questions_.size() == 1) ask();
}

/// One question at a time: that the channel takes one byte is then certain.
void ForwardHelper::ask() {
  try {
    if (!channel_) start();
  } catch (const base::Error&) {
    return answer_first({});
  }
  const auto family = static_cast<std::uint8_t>(questions_.front().family);
  // A failure here means that the helper is gone, which receive() is told as well.
  sys::send_datagram(channel_.get(), {&family, 1});
}

void ForwardHelper::receive() {
  bool again = false;
  auto received = receive_answer(channel_.get(), again);
  if (again) return;
  if (!received) {
    end();
    if (questions_.empty()) return;
    if (questions_.front().repeated) return answer_first({});
    questions_.front().repeated = true;
    return ask();
  }
  if (!questions_.empty()) answer_first(std::move(received->descriptor));
}

void ForwardHelper::answer_first(sys::UniqueFd socket) {
  const Answer answer = std::move(questions_.front().answer);
  questions_.pop_front();
  if (!questions_.empty()) ask();
  answer(std::move(socket));
}

}  // namespace claudebox::runtime
