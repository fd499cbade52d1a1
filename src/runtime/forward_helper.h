// A process in the box's network namespace that makes sockets there: the supervisor stays on the host.
#pragma once

#include <sys/types.h>

#include <deque>
#include <functional>

#include "sys/event_loop.h"
#include "sys/fd.h"

namespace claudebox::runtime {

/// Owns the process: it ends with this object, and by PR_SET_PDEATHSIG with the supervisor. One that somebody killed is
/// replaced when the next socket is asked for.
class ForwardHelper {
 public:
  /// Gets a non-blocking, close-on-exec TCP socket of the box's namespace; an empty one where it can't be had.
  using Answer = std::function<void(sys::UniqueFd)>;

  /// Joins the network namespace of process `box` and the user namespace that owns it, which the caller must own.
  /// `loop` must outlive this. Throws.
  ForwardHelper(sys::EventLoop& loop, pid_t box);
  ~ForwardHelper();
  /// Whether the box was still there.
  bool has_box() const { return static_cast<bool>(network_namespace_); }
  ForwardHelper(const ForwardHelper&) = delete;
  ForwardHelper& operator=(const ForwardHelper&) = delete;

  /// `family` is AF_INET or AF_INET6. Answers come in order, from the loop; without a helper, before this returns.
  void request(int family, Answer answer);

  pid_t pid() const { return pid_; }

 private:
  struct Question {
    int family;
    Answer answer;
    bool repeated = false;  ///< the helper that was asked first died
  };

  void start();
  void end() noexcept;
  void ask();
  void receive();
  void answer_first(sys::UniqueFd socket);

  sys::EventLoop& loop_;
  sys::UniqueFd network_namespace_;
  sys::UniqueFd user_namespace_;
  sys::UniqueFd channel_;  ///< SEQPACKET; empty where no helper runs
  pid_t pid_ = -1;
  std::deque<Question> questions_;  ///< the first one has been asked
};

}  // namespace claudebox::runtime
