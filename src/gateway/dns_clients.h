// Who asks: the box's side of its name server, over UDP and TCP. Internal to the resolver.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "net/dns_stream.h"
#include "net/policy.h"
#include "sys/event_loop.h"
#include "sys/fd.h"

namespace claudebox::gateway {

/// Where a query came from, and where its reply goes.
struct Asker {
  std::uint32_t client = 0;  ///< number of a TCP client; 0: by UDP
  sockaddr_in from{};        ///< of a UDP query

  bool by_tcp() const { return client != 0; }
};

/// Bounded whatever the box does: TCP clients, queries that each may have open, bytes that wait for each, idle time.
class DnsClients {
 public:
  using Query = std::function<void(std::vector<std::uint8_t> query, const Asker& asker)>;
  using Gone = std::function<void(std::uint32_t client)>;

  /// The descriptors stay the caller's. `query` may answer at once or later, and each query by TCP exactly once. `gone`:
  /// nobody waits for what this client asked.
  DnsClients(sys::EventLoop& loop, int udp, int tcp_listener, Query query, Gone gone);
  DnsClients(const DnsClients&) = delete;
  DnsClients& operator=(const DnsClients&) = delete;
  ~DnsClients();

  /// An empty message says that there is no answer: a TCP client is closed.
  void reply(const Asker& asker, std::span<const std::uint8_t> message);
  /// Closes clients that were idle too long.
  void expire(net::Time now);
  bool busy() const { return !clients_.empty() || !accepting_; }

  static constexpr std::size_t kMaxClients = 16;
  /// Queries of one client that wait for their answer; the rest waits unread.
  static constexpr std::size_t kMaxOpen = 8;
  static constexpr std::chrono::seconds kIdleLimit{10};

 private:
  struct Client {
    sys::UniqueFd socket;
    net::DnsStream in{};
    std::vector<std::uint8_t> out{};
    std::size_t open = 0;  ///< queries not answered yet
    bool ended = false;    ///< it says no more, and may still listen
    bool serving = false;
    net::Time last{};
  };

  void read_datagrams();
  void accept_client();
  bool make_room();
  void on_client(std::uint32_t number, std::uint32_t events);
  void serve(std::uint32_t number);
  bool flush(Client& client);
  void watch(std::uint32_t number);
  void close(std::uint32_t number);

  sys::EventLoop& loop_;
  int udp_;
  int listener_;
  Query query_;
  Gone gone_;
  std::map<std::uint32_t, Client> clients_;
  std::uint32_t last_number_ = 0;
  bool accepting_ = true;
  std::array<std::uint8_t, net::kMaxFramed> buffer_{};
};

}  // namespace claudebox::gateway
