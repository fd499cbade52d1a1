#include "runtime/network_events.h"

#include <array>
#include <string>

#include "net/packet.h"

namespace claudebox::runtime {
namespace {

using report::NetworkEvent;

std::string protocol_name(std::uint8_t protocol) {
  switch (protocol) {
    case net::kTcp:
      return "tcp";
    case net::kUdp:
      return "udp";
    case net::kIcmp:
    case net::kIcmpV6:
      return "icmp";
    default:
      return "ip " + std::to_string(protocol);
  }
}

/// The types that programs ask for; RFC 3597 writes the others like this.
std::string type_name(std::uint16_t type) {
  struct Name {
    std::uint16_t number;
    const char* text;
  };
  constexpr std::array<Name, 9> kNames{{{1, "A"},
                                        {2, "NS"},
                                        {5, "CNAME"},
                                        {6, "SOA"},
                                        {12, "PTR"},
                                        {15, "MX"},
                                        {16, "TXT"},
                                        {28, "AAAA"},
                                        {33, "SRV"}}};
  for (const auto& [number, text] : kNames)
    if (number == type) return text;
  return "TYPE" + std::to_string(type);
}

const char* result_name(gateway::LookedUp::Result result) {
  using enum gateway::LookedUp::Result;
  switch (result) {
    case answered:
      return "answered";
    case no_such_name:
      return "no such name";
    case refused:
      return "refused";
    case private_address:
      return "private address";
    case failed:
      return "failed";
  }
  return "failed";
}

}  // namespace

std::optional<NetworkEvent> network_event(const gateway::Message& message, std::int64_t time) {
  NetworkEvent event{.time = time};
  if (const auto* lookup = std::get_if<gateway::LookedUp>(&message)) {
    event.kind = NetworkEvent::Kind::lookup;
    event.name = lookup->name;
    event.type = type_name(lookup->type);
    event.result = result_name(lookup->result);
    for (const auto& address : lookup->addresses) event.addresses.push_back(address.to_string());
    return event;
  }
  if (const auto* denied = std::get_if<gateway::Denied>(&message)) {
    event.kind = NetworkEvent::Kind::denied;
    event.protocol = protocol_name(denied->protocol);
    event.address = denied->address.to_string();
    event.port = denied->port;
    event.reason = denied->reason;
    event.count = denied->count;
    event.incoming = denied->incoming;
    return event;
  }
  if (const auto* reached = std::get_if<gateway::Reached>(&message)) {
    event.kind = NetworkEvent::Kind::reached;
    event.protocol = protocol_name(reached->protocol);
    event.address = reached->address.to_string();
    event.port = reached->port;
    event.bytes_out = reached->out;
    event.bytes_in = reached->in;
    return event;
  }
  return std::nullopt;
}

}  // namespace claudebox::runtime
