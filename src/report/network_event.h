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

}  // namespace claudebox::report
