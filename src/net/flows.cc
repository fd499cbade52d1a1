#include "net/flows.h"

#include <utility>

#include "net/forget_oldest.h"

namespace claudebox::net {
namespace {

/// Whether sequence number `a` is after `b`, modulo 2^32 (RFC 9293 section 3.4).
bool after(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) > 0;
}

std::uint32_t end_of(const Packet& packet) {
  const bool syn = (packet.tcp_flags & kTcpSyn) != 0;
  const bool fin = (packet.tcp_flags & kTcpFin) != 0;
  return packet.sequence + packet.data_length + (syn ? 1U : 0U) + (fin ? 1U : 0U);
}

}  // namespace

Flows::Bytes& Flows::count(std::uint8_t protocol, const Address& address, std::uint16_t port) {
  const Destination destination{.protocol = protocol, .address = address, .port = port};
  const auto found = destinations_.find(destination);
  if (found != destinations_.end()) return found->second;
  return destinations_.size() < kMaxDestinations ? destinations_[destination] : destinations_[Destination{}];
}

Flows::ConnectionState* Flows::connection(const Connection& key, const Packet& packet, bool opens) {
  const auto found = connections_.find(key);
  if ((packet.tcp_flags & kTcpRst) != 0) {
    if (found != connections_.end()) connections_.erase(found);
    return nullptr;
  }
  if (found != connections_.end()) return &found->second;
  if (!opens) return nullptr;
  if (connections_.size() >= kMaxConnections)
    forget_oldest(connections_, [](const ConnectionState& state) { return state.last; });
  return &connections_[key];
}

void Flows::outgoing(const Packet& packet, Time now) {
  auto& bytes = count(packet.protocol, packet.destination, packet.destination_port);
  bytes.out += packet.bytes.size();
  bytes.changed = true;
  if (packet.protocol != kTcp || !packet.is_whole) return;
  const Connection key{
      .peer = packet.destination, .peer_port = packet.destination_port, .box_port = packet.source_port};
  ConnectionState* state = connection(key, packet, (packet.tcp_flags & kTcpSyn) != 0);
  if (!state) return;
  const bool fresh = state->last == Time{} || (packet.tcp_flags & kTcpSyn) != 0;
  state->box = packet.source;
  if (fresh || after(end_of(packet), state->box_next)) state->box_next = end_of(packet);
  if ((packet.tcp_flags & kTcpAck) != 0 && (fresh || after(packet.acknowledgement, state->peer_next)))
    state->peer_next = packet.acknowledgement;
  state->last = now;
}

void Flows::incoming(const Packet& packet, Time now) {
  if (quoted_destination(packet)) return;  // an error about traffic is none with its sender
  auto& bytes = count(packet.protocol, packet.source, packet.source_port);
  bytes.in += packet.bytes.size();
  bytes.changed = true;
  if (packet.protocol != kTcp || !packet.is_whole) return;
  const Connection key{
      .peer = packet.source, .peer_port = packet.source_port, .box_port = packet.destination_port};
  ConnectionState* state = connection(key, packet, false);
  if (!state) return;
  // The box has it as soon as it is in its queue, so it expects what follows, whether it has said so or not. What comes
  // after a gap it does not expect yet.
  const bool in_order = !after(packet.sequence, state->peer_next) && after(end_of(packet), state->peer_next);
  if ((packet.tcp_flags & kTcpSyn) != 0 || in_order) state->peer_next = end_of(packet);
  state->last = now;
}

std::vector<DestinationBytes> Flows::take_changes() {
  std::vector<DestinationBytes> out;
  for (auto& [key, bytes] : destinations_) {
    if (!std::exchange(bytes.changed, false)) continue;
    out.push_back({.protocol = key.protocol,
                   .address = key.address,
                   .port = key.port,
                   .out = bytes.out,
                   .in = bytes.in});
  }
  return out;
}

std::vector<Flows::Cut> Flows::cut(
    const std::function<bool(const Address& peer, std::uint16_t port)>& is_forbidden) {
  std::vector<Cut> out;
  std::erase_if(connections_, [&](const auto& entry) {
    const auto& [key, state] = entry;
    if (!is_forbidden(key.peer, key.peer_port)) return false;
    out.push_back({.to_box = {.source = key.peer,
                              .destination = state.box,
                              .source_port = key.peer_port,
                              .destination_port = key.box_port,
                              .sequence = state.peer_next,
                              .acknowledgement = state.box_next},
                   .to_peer = {.source = state.box,
                               .destination = key.peer,
                               .source_port = key.box_port,
                               .destination_port = key.peer_port,
                               .sequence = state.box_next,
                               .acknowledgement = state.peer_next}});
    return true;
  });
  return out;
}

}  // namespace claudebox::net
