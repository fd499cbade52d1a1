// slirp4netns: the real one, confined, behind a socket.
#pragma once

#include <optional>
#include <string>

#include "plan/plan.h"
#include "sys/child_process.h"
#include "sys/fd.h"

namespace claudebox::runtime {

/// A slirp4netns that runs in user, mount and pid namespaces of its own. Killed and reaped by the destructor.
class Slirp {
 public:
  /// Clones the process that becomes `network.slirp`, and does not wait for it. Throws.
  explicit Slirp(const plan::Network& network);

  /// Its socket, close-on-exec and non-blocking; empty where it does not listen yet. It takes one client only. Throws
  /// where it never will.
  std::optional<sys::UniqueFd> try_connect();
  /// Readable once it is ready (one byte) or has failed (end of file).
  int ready_descriptor() const { return ready_.get(); }
  /// Whether it said that it is ready. Call when `ready_descriptor` is readable.
  bool read_ready() const;
  const sys::ChildProcess& process() const { return process_; }
  /// Kills it and does not wait: the destructor reaps.
  void stop() noexcept;
  /// What it printed, for a message; at most 2 KiB.
  std::string output() const;

 private:
  bool executed();

  sys::UniqueFd alive_;  ///< its supervisor's life lock
  sys::UniqueFd exit_;   ///< slirp4netns ends when this end is closed
  sys::UniqueFd error_;
  sys::UniqueFd ready_;
  sys::UniqueFd output_;
  sys::UniqueFd directory_;  ///< of its socket, in a file system that only its mount namespace has
  sys::ChildProcess process_;
};

}  // namespace claudebox::runtime
