// The conversations that pass the gateway: how many bytes went where, and what it takes to cut one. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "net/packet.h"
#include "net/policy.h"
#include "net/refusal.h"

namespace claudebox::net {

/// Traffic with one destination, since the session began.
struct DestinationBytes {
  std::uint8_t protocol = 0;
  Address address{};
  std::uint16_t port = 0;
  std::uint64_t out = 0;  ///< bytes of IP packets from the box
  std::uint64_t in = 0;
  bool operator==(const DestinationBytes&) const = default;
};

/// Bounded whatever the box does: of more than kMaxDestinations the rest is counted under one entry with address
/// 0.0.0.0 and port 0; of more than kMaxConnections the ones that were quiet longest are forgotten.
class Flows {
 public:
  static constexpr std::size_t kMaxDestinations = 2048;
  static constexpr std::size_t kMaxConnections = 4096;

  /// A packet that passed. Errors of ICMP count for nobody.
  void outgoing(const Packet& packet, Time now);
  void incoming(const Packet& packet, Time now);

  /// What changed since the last call.
  std::vector<DestinationBytes> take_changes();

  /// Two resets, one for each end of a TCP connection.
  struct Cut {
    ResetTarget to_box{};
    ResetTarget to_peer{};
  };
  /// Forgets the TCP connections whose peer `is_forbidden`, and gives what ends them on both sides.
  std::vector<Cut> cut(const std::function<bool(const Address& peer, std::uint16_t port)>& is_forbidden);

 private:
  struct Destination {
    std::uint8_t protocol = 0;
    Address address{};
    std::uint16_t port = 0;
    auto operator<=>(const Destination&) const = default;
  };
  struct Bytes {
    std::uint64_t out = 0, in = 0;
    bool changed = false;
  };
  struct Connection {
    Address peer{};
    std::uint16_t peer_port = 0;
    std::uint16_t box_port = 0;
    auto operator<=>(const Connection&) const = default;
  };
  struct ConnectionState {
    Address box{};
    std::uint32_t box_next = 0;   ///< what the peer expects next from the box
    std::uint32_t peer_next = 0;  ///< what the box expects next from the peer
    Time last{};
  };

  Bytes& count(std::uint8_t protocol, const Address& address, std::uint16_t port);
  /// The connection of a packet; a null pointer where there is none (it is unknown, or just ended).
  ConnectionState* connection(const Connection& key, const Packet& packet, bool opens);

  std::map<Destination, Bytes> destinations_;
  std::map<Connection, ConnectionState> connections_;
};

}  // namespace claudebox::net
