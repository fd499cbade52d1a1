// The one function that decides about a packet, and what it decides by. Pure: no system call, no clock of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "net/address.h"
#include "net/packet.h"
#include "net/prefix_set.h"

namespace claudebox::net {

using Time = std::chrono::steady_clock::time_point;

/// A private destination that the user opened with --lan ADDR[/LEN][:PORT].
struct LanRule {
  Prefix prefix{};
  std::uint16_t port = 0;  ///< 0: every port, and ping
  bool operator==(const LanRule&) const = default;
};

/// What the host has at this moment and a box may not reach.
struct HostPrefix {
  enum class Kind : std::uint8_t { own_address, on_link, route };
  Prefix prefix{};
  Kind kind = Kind::own_address;
  auto operator<=>(const HostPrefix&) const = default;
};

/// An address that a name was resolved to.
struct Grant {
  Address address{};
  std::uint16_t port = 0;  ///< of a --lan NAME:PORT; 0: every port
  bool lan = false;        ///< by --lan NAME: may be private
  auto operator<=>(const Grant&) const = default;
};

struct PolicyRules {
  bool allowlist = false;  ///< only what is granted; else everything public
  Address box_v4{};        ///< the only sources that a packet from the box may have
  Address box_v6{};
  std::vector<LanRule> lan{};
  bool operator==(const PolicyRules&) const = default;
};

enum class Verdict {
  pass,
  refuse,  ///< answered where an answer is allowed, and reported
  drop,    ///< not even worth a line: a source that is not the box's own, noise of the kernel's (MLD, router
           ///< solicitations)
};

struct Judgement {
  Verdict verdict = Verdict::refuse;
  const char* reason = "";  ///< for the log, where refused: a string literal
  bool operator==(const Judgement&) const = default;
};

class Policy {
 public:
  explicit Policy(PolicyRules rules);

  /// Replaces what is known of the host. Wins over every grant, but networks (not the host's own addresses) may be
  /// opened by --lan. At most kMaxHostPrefixes that are not within another are kept; with more, everything is refused
  /// (fail closed) until there are fewer.
  void set_host_prefixes(const std::vector<HostPrefix>& prefixes);
  static constexpr std::size_t kMaxHostPrefixes = 4096;

  /// Why the address and port may not be reached; a null pointer where they may. Port 0, of ping and later fragments,
  /// may be reached only where every port may.
  const char* forbidden(const Address& address, std::uint16_t port, Time now) const;

  /// About a packet that comes from the box. A passed packet keeps the grant that it used alive.
  Judgement outgoing(const Packet& packet, Time now);
  /// About a packet on its way into the box: its source is judged as a destination would be; an ICMP error by
  /// the destination that it quotes, whoever sends it (NET-12).
  Judgement incoming(const Packet& packet, Time now) const;

  /// Why an answer of a name server may not hold `address`, a null pointer where it may. With `lan` the name was
  /// opened by --lan: private addresses are fine then, metadata and the host's own never.
  const char* unanswerable(const Address& address, bool lan) const;

  /// The box may reach the address: granted by a name, for its time to live and kGrantIdle after its last use.
  /// In a policy without allowlist only grants with `lan` mean anything. At most kMaxGrants; those that were unused
  /// longest make room.
  void grant(const Grant& grant, std::chrono::seconds time_to_live, Time now);
  static constexpr std::size_t kMaxGrants = 4096;
  static constexpr std::chrono::minutes kGrantIdle{10};
  static constexpr std::chrono::hours kMaxTimeToLive{24};
  /// What is granted now, for a gateway that takes over.
  std::vector<Grant> grants(Time now) const;

 private:
  struct GrantState {
    Time valid_until{};
    Time last_used{};
  };
  using Grants = std::map<Grant, GrantState>;
  static bool is_live(const GrantState& state, Time now);

  /// Why nothing opens the address; a null pointer where --lan may.
  const char* never(const Address& address) const;
  /// Why it belongs to the host's networks; a null pointer where it does not.
  const char* on_host_network(const Address& address) const;
  bool opened_by_rule(const Address& address, std::uint16_t port) const;
  Grants::const_iterator find_grant(const Address& address, std::uint16_t port, bool lan, Time now) const;
  /// Whether --lan opened some port of it.
  bool opened_in_part(const Address& address, Time now) const;
  void keep_alive(const Packet& packet, Time now);

  PolicyRules rules_;
  PrefixSet own_addresses_;
  PrefixSet on_link_;
  PrefixSet routes_;
  bool too_many_ = false;
  Grants grants_;
};

}  // namespace claudebox::net
