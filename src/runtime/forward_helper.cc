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
#include <string>

#include "base/error.h"

namespace claudebox::runtime {
namespace {

/// A helper that has been stopped must not hold the start up for longer.
constexpr int kJoinMilliseconds = 5000;

using Control = std::array<char, CMSG_SPACE(sizeof(int))>;

/// `error` as the datagram, `descriptor` beside it unless it is -1.
bool send_answer(int channel, int error, int descriptor) noexcept {
  iovec data{.iov_base = &error, .iov_len = sizeof error};
  alignas(cmsghdr) Control control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    ::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  return ::sendmsg(channel, &message, MSG_NOSIGNAL) >= 0;
}

struct Received {
  int error = 0;
  sys::UniqueFd descriptor;
};

/// Empty at the end of the channel; `again` is set where there is nothing to read yet.
std::optional<Received> receive_answer(int channel, bool& again) {
  Received received;
  iovec data{.iov_base = &received.error, .iov_len = sizeof received.error};
  alignas(cmsghdr) Control control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(channel, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  again = got < 0 && (errno == EAGAIN || errno == EINTR);
  if (const cmsghdr* header = CMSG_FIRSTHDR(&message); got > 0 && header && header->cmsg_type == SCM_RIGHTS) {
    int descriptor = -1;
    ::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    received.descriptor.reset(descriptor);
  }
  if (got != sizeof received.error) return {};
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
  if (!send_answer(0, error, -1) || error != 0) ::_exit(1);
  unsigned char family = 0;
  while (::recv(0, &family, 1, 0) == 1) {
    const int made = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const bool sent = send_answer(0, made < 0 ? errno : 0, made);
    if (made >= 0) ::close(made);
    if (!sent) ::_exit(0);
  }
  ::_exit(0);
}

}  // namespace

ForwardHelper::ForwardHelper(sys::EventLoop& loop, pid_t box) : loop_(loop) {
  const std::string path = "/proc/" + std::to_string(box) + "/ns/net";
  network_namespace_.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!network_namespace_) base::throw_system_error(errno, "can't open the box's network namespace");
  user_namespace_.reset(::ioctl(network_namespace_.get(), NS_GET_USERNS));
  if (!user_namespace_) base::throw_system_error(errno, "can't open the box's user namespace");
  start();
}

ForwardHelper::~ForwardHelper() {
  end();
}

void ForwardHelper::start() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    base::throw_system_error(errno, "can't make a channel to the helper of --publish");
  channel_.reset(ends[0]);
  const sys::UniqueFd theirs(ends[1]);
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
  const auto family = static_cast<unsigned char>(questions_.front().family);
  // A failure here means that the helper is gone, which receive() is told as well.
  ::send(channel_.get(), &family, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
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
