// Datagrams with descriptors beside them, over a unix SEQPACKET socket: unix(7), SCM_RIGHTS.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sys/fd.h"

namespace claudebox::sys {

struct SocketPair {
  UniqueFd first, second;
};
/// Two connected SEQPACKET sockets, close-on-exec. Throws.
SocketPair make_socket_pair();

/// Sends one datagram; never blocks, raises no SIGPIPE. At most 253 descriptors (SCM_MAX_FD), which stay the caller's.
/// False with errno set where it could not be sent.
bool send_datagram(int socket, std::span<const std::uint8_t> bytes,
                   std::span<const int> descriptors = {}) noexcept;

struct Datagram {
  std::span<std::uint8_t> bytes{};      ///< in the caller's buffer; empty at end of file
  std::vector<UniqueFd> descriptors{};  ///< close-on-exec
};
/// Receives one datagram into `buffer`. Empty where there is none yet, or with errno set on an error; a datagram that
/// did not fit is an error (EMSGSIZE). `flags` as in recvmsg(2).
std::optional<Datagram> receive_datagram(int socket, std::span<std::uint8_t> buffer, int flags = 0);

}  // namespace claudebox::sys
