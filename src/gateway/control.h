// What the supervisor and the gateway say to each other, over a SEQPACKET socket: one message a datagram, descriptors
// beside it. Encoding and decoding are pure; both sides treat the other's messages as untrusted: the gateway may have
// been taken over by what it reads.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "net/address.h"
#include "net/policy.h"

namespace claudebox::gateway {

/// A name that the box may look up, and what comes of it.
struct AllowedName {
  std::string pattern{};   ///< as net::NamePattern::to_string() gives it
  bool lan = false;        ///< by --lan NAME[:PORT]: may resolve to private addresses
  std::uint16_t port = 0;  ///< of --lan NAME:PORT
  bool operator==(const AllowedName&) const = default;
};

// --- from the supervisor -------------------------------------------------------------------------------------------

/// First message. Comes with three descriptors: tun (non-blocking), UDP and TCP socket of the resolver.
struct Configure {
  net::PolicyRules rules{};
  std::vector<AllowedName> names{};
  bool operator==(const Configure&) const = default;
};
/// Replaces what the gateway knows of the host's networks. Long lists come in parts; only the last one takes effect.
struct HostPrefixes {
  std::vector<net::HostPrefix> prefixes{};
  bool more = false;
  bool operator==(const HostPrefixes&) const = default;
};
/// Grants that a gateway before this one had given.
struct Grants {
  std::vector<net::Grant> grants{};
  bool operator==(const Grants&) const = default;
};
/// Comes with one descriptor: a connected SEQPACKET socket to slirp4netns. Replaces the one before.
struct SlirpSocket {
  bool operator==(const SlirpSocket&) const = default;
};
/// Answers WantUpstream. Comes with a connected, non-blocking socket, or with none where there is no such server.
struct Upstream {
  std::uint32_t id = 0;
  bool operator==(const Upstream&) const = default;
};

// --- from the gateway ----------------------------------------------------------------------------------------------

/// It is confined and has its configuration.
struct Confined {
  bool operator==(const Confined&) const = default;
};
/// A fresh socket to a name server of the host's, please: the `attempt`-th in the order to ask them, from 0.
struct WantUpstream {
  std::uint32_t id = 0;
  std::uint8_t attempt = 0;
  bool tcp = false;
  bool operator==(const WantUpstream&) const = default;
};
/// An address was granted, so that a gateway after this one knows.
struct Granted {
  net::Grant grant{};
  bool operator==(const Granted&) const = default;
};
/// A name was looked up.
struct LookedUp {
  enum class Result : std::uint8_t {
    answered,
    no_such_name,
    refused,          ///< not on the allowlist: never left the machine
    private_address,  ///< the answer held an address that the box may not reach, and was withheld
    failed,           ///< no answer, or one that can't be read
  };
  std::string name{};
  std::uint16_t type = 0;  ///< of the question: 1 is A, 28 AAAA
  Result result = Result::answered;
  std::vector<net::Address> addresses{};  ///< at most 8 of them
  bool operator==(const LookedUp&) const = default;
};
/// Packets were refused.
struct Denied {
  std::uint8_t protocol = 0;
  net::Address address{};
  std::uint16_t port = 0;
  std::string reason{};
  bool incoming = false;    ///< from `address` to the box
  std::uint32_t count = 0;  ///< packets since the last message about the same destination
  bool operator==(const Denied&) const = default;
};
/// Bytes that went to and came from one destination since the gateway began.
struct Reached {
  std::uint8_t protocol = 0;
  net::Address address{};
  std::uint16_t port = 0;
  std::uint64_t out = 0;
  std::uint64_t in = 0;
  bool operator==(const Reached&) const = default;
};
/// slirp4netns is gone.
struct SlirpLost {
  bool operator==(const SlirpLost&) const = default;
};

using Message = std::variant<Configure, HostPrefixes, Grants, SlirpSocket, Upstream, Confined, WantUpstream,
                             Granted, LookedUp, Denied, Reached, SlirpLost>;

/// No message is longer.
inline constexpr std::size_t kMaxMessage = 32 * 1024;

/// The bytes of a message. Lists and strings that would not fit are a mistake of the caller's: throws base::Error.
std::vector<std::uint8_t> encode(const Message& message);
/// Empty for anything that encode() can't have made: trailing bytes, unknown kinds, lengths beyond the datagram.
std::optional<Message> decode(std::span<const std::uint8_t> bytes);

}  // namespace claudebox::gateway
