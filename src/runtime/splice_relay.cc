// Theory of operation
//
// Each direction reads from one socket into a pipe and writes from the pipe to the other socket. It reads only into an
// empty pipe, so after every turn it waits for exactly one thing: for bytes to read (pipe empty), for room to write
// (pipe not empty), or for nothing (all is passed on). What it waits for is what epoll is told, and nothing else:
// level-triggered readiness that nobody acts on would be a busy loop.
//
// epoll reports EPOLLHUP and EPOLLERR even to who waits for nothing:
//  - EPOLLHUP alone: both directions of this socket are shut. What it sent before may still lie in the kernel while the
//    other side is slow. All of it is there already, so the socket leaves the loop, and the other side's readiness
//    drives the rest.
//  - EPOLLERR: reset. What can still be passed on at once is; then the other side is reset, too.
#include "runtime/splice_relay.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/error.h"

namespace claudebox::runtime {
namespace {

/// An unprivileged user has 64 MiB for all pipes (/proc/sys/fs/pipe-user-pages-soft), so only the few that are kept are
/// larger than the kernel makes them.
constexpr std::size_t kIdlePipes = 4;
constexpr int kPipeSize = 256 * 1024;
/// How often one direction goes round before others get their turn.
constexpr int kTurns = 16;

ssize_t splice_once(int from, int to, std::size_t length) noexcept {
  ssize_t moved = 0;
  do {
    moved = ::splice(from, nullptr, to, nullptr, length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  } while (moved < 0 && errno == EINTR);
  return moved;
}

}  // namespace

sys::Pipe PipePool::take() {
  if (!idle_.empty()) {
    sys::Pipe pipe = std::move(idle_.back());
    idle_.pop_back();
    return pipe;
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) base::throw_system_error(errno, "can't make a pipe");
  return {sys::UniqueFd(ends[0]), sys::UniqueFd(ends[1])};
}

void PipePool::give_back(sys::Pipe pipe) {
  if (idle_.size() >= kIdlePipes) return;
  if (::fcntl(pipe.write.get(), F_GETPIPE_SZ) < kPipeSize)
    ::fcntl(pipe.write.get(), F_SETPIPE_SZ, kPipeSize);  // it works with the ordinary size as well
  idle_.push_back(std::move(pipe));
}

void close_with_reset(sys::UniqueFd socket) noexcept {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

SpliceRelay::SpliceRelay(sys::EventLoop& loop, PipePool& pipes, sys::UniqueFd one, sys::UniqueFd two)
    : loop_(loop), pipes_(pipes) {
  sides_[0].socket = std::move(one);
  sides_[1].socket = std::move(two);
}

SpliceRelay::~SpliceRelay() {
  const bool over = sides_[0].write_ended && sides_[1].write_ended;
  for (auto& side : sides_) {
    unwatch(side);
    if (!over) close_with_reset(std::move(side.socket));
  }
}

void SpliceRelay::start(std::function<void()> ended) {
  ended_ = std::move(ended);
  const int on = 1;
  for (auto& side : sides_) {
    ::setsockopt(side.socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    loop_.add(side.socket.get(), EPOLLIN, [this, &side](std::uint32_t events) { on_event(side, events); });
    side.watched = true;
    side.interest = EPOLLIN;
  }
}

void SpliceRelay::on_event(Side& side, std::uint32_t events) {
  Side& other = &side == &sides_[0] ? sides_[1] : sides_[0];
  if ((events & EPOLLHUP) != 0) unwatch(side);
  bool over = true;
  try {
    const bool there = move(side, other);
    const bool back = move(other, side);
    over = !there || !back || (events & EPOLLERR) != 0 || (side.write_ended && other.write_ended);
    if (!over) {
      watch(side, other);
      watch(other, side);
    }
  } catch (const base::Error&) {
    over = true;  // no pipe to be had: this connection ends, the others go on
  }
  if (!over) return;
  const auto ended = std::move(ended_);
  ended();  // destroys this
}

/// False where the connection is broken.
bool SpliceRelay::move(Side& from, Side& to) {
  for (int turn = 0; turn < kTurns; ++turn) {
    if (!flush(from, to)) return false;
    if (from.waiting > 0 || from.read_ended) return true;
    if (!from.pipe.read) from.pipe = pipes_.take();
    const ssize_t got = splice_once(from.socket.get(), from.pipe.write.get(), kPipeSize);
    if (got > 0) {
      from.waiting = static_cast<std::size_t>(got);
      continue;
    }
    const int error = got < 0 ? errno : 0;
    release_pipe(from);
    if (error == EAGAIN) return true;
    if (error != 0) return false;
    from.read_ended = true;
    to.write_ended = true;
    ::shutdown(to.socket.get(), SHUT_WR);
    return true;
  }
  return true;  // something waits in the pipe, so EPOLLOUT comes back to it
}

/// Writes what waits, as far as `to` takes it.
bool SpliceRelay::flush(Side& from, Side& to) {
  while (from.waiting > 0) {
    const ssize_t put = splice_once(from.pipe.read.get(), to.socket.get(), from.waiting);
    if (put < 0 && errno == EAGAIN) return true;
    if (put <= 0) return false;
    from.waiting -= static_cast<std::size_t>(put);
  }
  return true;
}

void SpliceRelay::release_pipe(Side& side) {
  if (side.pipe.read) pipes_.give_back(std::move(side.pipe));
}

void SpliceRelay::watch(Side& side, const Side& other) {
  if (!side.watched) return;
  std::uint32_t wanted = 0;
  if (!side.read_ended && side.waiting == 0) wanted |= EPOLLIN;
  if (other.waiting > 0) wanted |= EPOLLOUT;
  if (wanted != side.interest) loop_.modify(side.socket.get(), wanted);
  side.interest = wanted;
}

void SpliceRelay::unwatch(Side& side) noexcept {
  if (side.watched) loop_.remove(side.socket.get());
  side.watched = false;
}

}  // namespace claudebox::runtime
