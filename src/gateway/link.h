// The packets: from the box's tun device to slirp4netns and back, each past the policy.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "gateway/ethernet.h"
#include "gateway/reporter.h"
#include "net/flows.h"
#include "net/policy.h"
#include "net/refusal.h"
#include "sys/event_loop.h"
#include "sys/fd.h"

namespace claudebox::gateway {

class Link {
 public:
  /// `tun` stays the caller's, is non-blocking, and is read from now on. Packets are dropped while there is no
  /// slirp4netns.
  Link(sys::EventLoop& loop, int tun, const net::PolicyRules& rules, net::Policy& policy, Reporter& reporter);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link();

  /// Packets go to this slirp4netns from now on; the box is introduced to it.
  void connect(sys::UniqueFd slirp);

  /// Ends the TCP connections that the policy does not allow any more, on both sides.
  void cut_forbidden(net::Time now);

  /// Milliseconds until `work` has something to do; -1: nothing is waiting.
  int timeout(net::Time now) const;
  /// Sends what is due, and tells the supervisor about traffic now and then, at once with `all`.
  void work(net::Time now, bool all = false);

 private:
  /// A packet and room for the Ethernet header before it.
  using Buffer = std::array<std::uint8_t, kEthernetHeader + 65536>;
  static constexpr int kPacketsPerTurn = 16;
  static constexpr std::size_t kMaxRepeats = 128;

  void read_tun();
  void read_slirp(std::uint32_t events);
  void from_box(std::size_t length, net::Time now);
  void from_slirp(std::size_t length, net::Time now);
  void refuse(const net::Packet& packet, net::Time now);
  void to_box(std::span<const std::uint8_t> packet) noexcept;
  void to_slirp(std::span<std::uint8_t> frame);
  void slirp_has_room();
  void give_up_waiting();
  void reset_peer(const net::ResetTarget& target);
  void lose_slirp();
  void watch_tun(bool on);

  struct Repeat {
    net::Time due{};
    std::vector<std::uint8_t> answer{};
  };

  sys::EventLoop& loop_;
  int tun_;
  net::PolicyRules rules_;
  net::Policy& policy_;
  Reporter& reporter_;
  net::Flows flows_;
  sys::UniqueFd slirp_;
  Buffer out_{};
  Buffer in_{};
  std::size_t pending_ = 0;  ///< bytes of `out_` that slirp4netns had no room for
  net::Time pending_since_{};
  bool stalled_ = false;  ///< slirp4netns takes nothing: what would go to it is dropped
  std::deque<Repeat> repeats_;
  net::Time next_report_{};
  bool traffic_ = false;
};

}  // namespace claudebox::gateway
