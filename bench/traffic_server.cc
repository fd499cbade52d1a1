// The other end of what bench/traffic measures: sinks, sources and echoes TCP, and answers DNS queries by UDP.
//
//   traffic_server ADDRESS PORT   says "ready"; ends with its parent
#include <netinet/tcp.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <iostream>
#include <thread>
#include <vector>

#include "sockets.h"

namespace {

using namespace bench;

void serve_client(int client) {
  const int on = 1;
  ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::vector<char> buffer(kChunk);
  char mode = 0;
  if (::read(client, &mode, 1) == 1) {
    if (mode == kSource)
      while (::send(client, buffer.data(), buffer.size(), MSG_NOSIGNAL) > 0) {
      }
    for (ssize_t got = 0; mode != kSource && (got = ::read(client, buffer.data(), buffer.size())) > 0;)
      if (mode == kEcho) (void)::send(client, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
  }
  ::close(client);
}

/// One A record for whatever is asked. As fast as can be: only what is added to its time is of interest.
[[noreturn]] void answer_names(const Socket& socket) {
  static constexpr std::array<unsigned char, 16> kAnswer{0xc0, 12, 0, 1, 0,  1,  0,  0,
                                                         0,    60, 0, 4, 45, 90, 80, 80};
  std::array<unsigned char, 1024> packet{};
  sockaddr_in from{};
  while (true) {
    socklen_t size = sizeof from;
    const ssize_t got = ::recvfrom(socket.get(), packet.data(), packet.size() - kAnswer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 12) continue;
    std::size_t length = 12;
    while (length < static_cast<std::size_t>(got) && packet[length] != 0) length += packet[length] + 1U;
    length += 5;
    if (length > static_cast<std::size_t>(got)) continue;
    packet[2] |= 0x80;
    packet[3] = 0x80;
    packet[7] = 1;
    std::fill(packet.begin() + 8, packet.begin() + 12, 0);  // EDNS went with the rest
    std::copy(kAnswer.begin(), kAnswer.end(), packet.begin() + static_cast<std::ptrdiff_t>(length));
    ::sendto(socket.get(), packet.data(), length + kAnswer.size(), 0, reinterpret_cast<sockaddr*>(&from),
             size);
  }
}

[[noreturn]] void serve(const std::string& address, int port) {
  const Socket listener(SOCK_STREAM);
  listener.bind(address_of(address, port));
  if (::listen(listener.get(), 1024) < 0) fail("listen");
  const Socket names(SOCK_DGRAM);
  names.bind(address_of(address, 53));
  std::thread([&] { answer_names(names); }).detach();
  std::cout << "ready" << std::endl;
  while (true)
    if (const int client = ::accept(listener.get(), nullptr, nullptr); client >= 0)
      std::thread(serve_client, client).detach();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: traffic_server ADDRESS PORT\n";
    return 2;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    serve(argv[1], std::stoi(argv[2]));
  } catch (const std::exception& error) {
    std::cerr << "traffic_server: " << error.what() << '\n';
    return 1;
  }
}
