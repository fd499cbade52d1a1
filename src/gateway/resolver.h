// The box's name server: a state machine over descriptors that others opened.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "gateway/control.h"
#include "net/policy.h"
#include "sys/event_loop.h"
#include "sys/fd.h"

namespace claudebox::gateway {

/// What the resolver needs of the gateway around it.
class ResolverHost {
 public:
  virtual ~ResolverHost() = default;
  /// Asks for a socket; `Resolver::take_upstream` gets it, or an empty descriptor.
  virtual void want_upstream(const WantUpstream& wanted) = 0;
  virtual void looked_up(const LookedUp& lookup) = 0;
  virtual void granted(const net::Grant& grant) = 0;
};

/// Serves UDP and TCP on two sockets of the box's network namespace. Bounded: queries in flight, TCP clients, bytes and
/// time for each. One loop, no thread. The descriptors stay the caller's.
class Resolver {
 public:
  Resolver(sys::EventLoop& loop, int udp, int tcp_listener, net::Policy& policy,
           const std::vector<AllowedName>& names, bool allowlist, ResolverHost& host);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  void take_upstream(std::uint32_t id, sys::UniqueFd socket);
  /// Gives up what has waited too long. Call now and then, at least twice a second while `busy()`.
  void expire(net::Time now);
  bool busy() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace claudebox::gateway
