// Where secrets lie and what gives a host away, as tables.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace claudebox::plan {

struct KnownSecret {
  std::string_view path;    ///< absolute, or relative to home; a name or pattern in telling_names()
  std::string_view what;    ///< "SSH keys"
  std::string_view allows;  ///< what who has it can do, in at most six words: "log in as you elsewhere"
};

/// Files and directories that are secret, by place. The order is that of importance: the first ones are
/// named.
std::span<const KnownSecret> known_secrets();

/// Prefixes below /run/user/UID: sockets of a session.
std::span<const KnownSecret> runtime_sockets();

/// Names that tell what a file is wherever it lies; one '*' at an end stands for anything.
std::span<const KnownSecret> telling_names();

/// What a file of this name is, wherever it lies; null where the name tells nothing.
const KnownSecret* told_by_name(std::string_view name);

/// Variables that open a door of the host, or that are known for the secret in them.
std::span<const KnownSecret> telling_variables();

struct KnownPorts {
  std::uint16_t first, last;
  std::string_view what;
};

/// Ports of a host's loopback where more than data is given away.
std::span<const KnownPorts> telling_ports();

/// Where what is written runs on the host, absolute or relative to home.
std::span<const std::string_view> places_that_act();

}  // namespace claudebox::plan
