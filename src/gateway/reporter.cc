#include "gateway/reporter.h"

#include <sys/socket.h>

#include <cerrno>

namespace claudebox::gateway {

bool Reporter::send(const Message& message) const noexcept {
  const auto bytes = encode(message);
  ssize_t sent = 0;
  do {
    // Not sendmsg(2): the filter knows only this.
    sent = ::send(control_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

void Reporter::denied(const net::Packet& packet, const char* reason, bool incoming) {
  Kind kind{.protocol = packet.protocol,
            .address = incoming ? packet.source : packet.destination,
            .port = incoming ? packet.source_port : packet.destination_port,
            .incoming = incoming};
  auto found = kinds_.find(kind);
  if (found == kinds_.end()) {
    if (kinds_.size() >= kMaxKinds) {
      kind = {.protocol = 0, .address = {}, .port = 0, .incoming = incoming};
      reason = "too many different destinations to tell apart";
    }
    found = kinds_.try_emplace(kind, State{.reason = reason}).first;
    ++found->second.untold;
    if (!tell(found->first, found->second)) pending_ = true;
    return;
  }
  ++found->second.untold;
  pending_ = true;
}

bool Reporter::tell(const Kind& kind, State& state) {
  if (!send(Denied{.protocol = kind.protocol,
                   .address = kind.address,
                   .port = kind.port,
                   .reason = state.reason,
                   .incoming = kind.incoming,
                   .count = state.untold}))
    return false;
  state.untold = 0;
  return true;
}

void Reporter::flush() {
  pending_ = false;
  for (auto& [kind, state] : kinds_)
    if (state.untold > 0 && !tell(kind, state)) pending_ = true;
}

}  // namespace claudebox::gateway
