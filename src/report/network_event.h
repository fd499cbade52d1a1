// What happened in a box's network, as values: one line each in the record of a session. Strings may hold anything that
// a name server or the box made up; whoever prints them escapes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace claudebox::report {

struct NetworkEvent {
  enum class Kind {
    lookup,    ///< a name was looked up: `name`, `type`, `result`, `addresses`
    denied,    ///< packets were refused: `protocol`, `address`, `port`, `reason`, `count`, `incoming`
    reached,   ///< traffic with a destination so far: `protocol`, `address`, `port`, `bytes_out`, `bytes_in`
    incident,  ///< a part was replaced or failed: `reason`
  };
  Kind kind = Kind::lookup;
  std::int64_t time = 0;  ///< milliseconds since 1970
  std::string name{};
  std::string type{};    ///< "A", "AAAA", "TYPE65"
  std::string result{};  ///< "answered", "no such name", "refused", "private address", "failed"
  std::vector<std::string> addresses{};
  std::string protocol{};  ///< "tcp", "udp", "icmp", "ip 47"
  std::string address{};
  std::uint16_t port = 0;
  std::string reason{};
  std::uint32_t count = 0;
  bool incoming = false;
  std::uint64_t bytes_out = 0;
  std::uint64_t bytes_in = 0;
  bool operator==(const NetworkEvent&) const = default;
};

/// Whether the box was kept from something: packets, or a name that it may not look up.
inline bool is_denial(const NetworkEvent& event) {
  return event.kind == NetworkEvent::Kind::denied ||
         (event.kind == NetworkEvent::Kind::lookup &&
          (event.result == "refused" || event.result == "private address"));
}

/// "192.0.2.1:443", "[2001:db8::1]:443", "192.0.2.1" where there is no port; of a lookup the name.
inline std::string destination(const NetworkEvent& event) {
  if (event.kind == NetworkEvent::Kind::lookup) return event.name;
  if (event.port == 0) return event.address;
  const bool v6 = event.address.find(':') != std::string::npos;
  return (v6 ? "[" + event.address + "]" : event.address) + ":" + std::to_string(event.port);
}

}  // namespace claudebox::report
