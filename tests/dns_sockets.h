// Both sides of a name server under test: clients in front of it, the loop that drives it.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <vector>

#include "dns_bytes.h"
#include "net/dns_stream.h"
#include "sys/event_loop.h"
#include "sys/fd.h"

namespace claudebox::dns {

inline sockaddr_in loopback(std::uint16_t port = 0) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return out;
}

/// Bound to 127.0.0.1 and a free port; a TCP socket listens.
inline sys::UniqueFd serve(int type) {
  sys::UniqueFd socket(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto where = loopback();
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) < 0 ||
      (type == SOCK_STREAM && ::listen(socket.get(), 64) < 0))
    socket.reset();
  return socket;
}

inline std::uint16_t port_of(int socket) {
  sockaddr_in where{};
  socklen_t size = sizeof where;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&where), &size);
  return ntohs(where.sin_port);
}

/// A socket of the same type to where `server` is bound.
inline sys::UniqueFd client_of(int server, int type) {
  sys::UniqueFd socket(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto where = loopback(port_of(server));
  ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where);
  return socket;
}

inline bool send(int socket, const Bytes& message) {
  return ::send(socket, message.data(), message.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(message.size());
}

/// What is there to read; empty where nothing is. For a datagram socket one datagram.
inline Bytes receive(int socket) {
  Bytes message(65536);
  const ssize_t got = ::recv(socket, message.data(), message.size(), 0);
  message.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return message;
}

/// Whether the other end has closed; what it sent before is read and lost.
inline bool is_closed(int socket) {
  Bytes buffer(65536);
  ssize_t got = 0;
  do {
    got = ::recv(socket, buffer.data(), buffer.size(), 0);
  } while (got > 0);
  return got == 0 || errno != EAGAIN;
}

/// The whole messages that are there to read.
inline std::vector<Bytes> receive_framed(int socket) {
  net::DnsStream stream;
  for (Bytes part = receive(socket); !part.empty(); part = receive(socket)) stream.append(part);
  std::vector<Bytes> messages;
  while (auto message = stream.next()) messages.push_back(std::move(*message));
  return messages;
}

/// Turns the loop until `done`, for some seconds at most.
inline bool turn_until(sys::EventLoop& loop, const std::function<bool()>& done) {
  for (int turn = 0; turn < 500; ++turn) {
    if (done()) return true;
    loop.wait_once(10);
  }
  return false;
}

/// Turns the loop as often as it takes for what has been sent to be handled: on loopback all is there at once.
inline void settle(sys::EventLoop& loop) {
  for (int turn = 0; turn < 40; ++turn) loop.wait_once(0);
}

}  // namespace claudebox::dns
