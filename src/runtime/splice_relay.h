// Bytes both ways between two connected sockets, without a copy in user space (splice(2)).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "sys/event_loop.h"
#include "sys/fd.h"

namespace claudebox::runtime {

/// Pipes that bytes wait in. A relay has one only while it moves something, so that a quiet connection costs none.
class PipePool {
 public:
  /// An empty pipe, both ends non-blocking. Throws where there is none to be had.
  sys::Pipe take();
  /// `pipe` must be empty.
  void give_back(sys::Pipe pipe);

 private:
  std::vector<sys::Pipe> idle_;
};

/// Ends a connection with a reset, RFC 9293 section 3.5.2, in place of an orderly end.
void close_with_reset(sys::UniqueFd socket) noexcept;

/// Copies until both sides have said all that they have to. One side's end of sending is passed on as such
/// (shutdown(2)), while the other may go on; one side's failure resets the other. Takes no more from a side than the
/// other one accepts.
class SpliceRelay {
 public:
  /// `one` and `two` are connected, non-blocking TCP sockets. `loop` and `pipes` must outlive this.
  SpliceRelay(sys::EventLoop& loop, PipePool& pipes, sys::UniqueFd one, sys::UniqueFd two);
  /// Resets both where they have not ended.
  ~SpliceRelay();
  SpliceRelay(const SpliceRelay&) = delete;
  SpliceRelay& operator=(const SpliceRelay&) = delete;

  /// Calls `ended` from the loop when it is over, and touches nothing after that, so `ended` may destroy this. Throws.
  void start(std::function<void()> ended);

 private:
  struct Side {
    sys::UniqueFd socket{};
    sys::Pipe pipe{};            ///< holds what was read here and waits for the other side
    std::size_t waiting = 0;     ///< bytes in it
    bool read_ended = false;     ///< it sends no more
    bool write_ended = false;    ///< it was told that no more comes
    bool watched = false;        ///< registered in the loop
    std::uint32_t interest = 0;  ///< as registered
  };

  void on_event(Side& side, std::uint32_t events);
  bool move(Side& from, Side& to);
  bool flush(Side& from, Side& to);
  void release_pipe(Side& side);
  void watch(Side& side, const Side& other);
  void unwatch(Side& side) noexcept;

  sys::EventLoop& loop_;
  PipePool& pipes_;
  std::array<Side, 2> sides_;
  std::function<void()> ended_;
};

}  // namespace claudebox::runtime
