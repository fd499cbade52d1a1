// What the gateway tells the supervisor, in measure: the box must not be able to flood the log, nor to block the gateway.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>

#include "gateway/control.h"
#include "net/packet.h"
#include "net/policy.h"

namespace claudebox::gateway {

class Reporter {
 public:
  /// `control`: the socket to the supervisor, which stays the caller's. A full one loses lines; counts are kept.
  explicit Reporter(int control) : control_(control) {}

  /// The first refusal of a kind is told at once, later ones are counted and told by `flush`.
  void denied(const net::Packet& packet, const char* reason, bool incoming);
  /// Sends a message of any kind now; false where the socket was full.
  bool send(const Message& message) const noexcept;
  /// Tells the counts that changed.
  void flush();
  bool pending() const { return pending_; }

  /// Kinds of refusals that are told apart. What comes beyond is counted under one without an address.
  static constexpr std::size_t kMaxKinds = 1024;

 private:
  struct Kind {
    std::uint8_t protocol = 0;
    net::Address address{};
    std::uint16_t port = 0;
    bool incoming = false;
    auto operator<=>(const Kind&) const = default;
  };
  struct State {
    const char* reason = "";
    std::uint32_t untold = 0;
  };
  bool tell(const Kind& kind, State& state);

  int control_;
  std::map<Kind, State> kinds_;
  bool pending_ = false;
};

}  // namespace claudebox::gateway
