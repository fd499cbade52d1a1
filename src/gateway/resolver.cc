// Theory of operation
//
//   box ──UDP──► query ─┬─ answered here (malformed, not allowed) ──────────────► reply
//   box ──TCP──► client ┘                                                          ▲
//                       └─► ask for a socket ─► sent ─► answered ─► judged ────────┤
//                                 ▲               │ time over, error               │
//                                 └─next server───┘          no more servers ──► server failure
//
// A query goes on over the transport that it came by, under a random id of our own and from a port that the kernel chose:
// the box must not know what would make a forged answer fit. A datagram that does not fit is as if it had not come.
// Everything is bounded: lookups in flight, TCP clients, what each may have open, and the time of all of it.
#include "gateway/resolver.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <list>
#include <map>
#include <optional>

#include "gateway/lookup.h"

namespace claudebox::gateway {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxLookups = 64;
constexpr std::size_t kMaxClients = 16;
constexpr std::size_t kMaxPerClient = 8;
constexpr std::size_t kMaxMessageSize = 65535;
constexpr int kPerTurn = 16;
constexpr auto kServerLimit = 3s;
constexpr auto kIdleLimit = 10s;
constexpr std::uint8_t kMaxAttempts = 3;

net::Time now_is() {
  return std::chrono::steady_clock::now();
}

std::uint16_t random_id() {
  std::uint16_t id = 0;
  // getrandom never fails for so little, and only waits in the first moments of a boot.
  [[maybe_unused]] const auto ignored = ::getrandom(&id, sizeof id, 0);
  return id;
}

/// A TCP stream of messages with a length before each (RFC 1035 section 4.2.2).
std::vector<std::uint8_t> framed(std::span<const std::uint8_t> message) {
  std::vector<std::uint8_t> out{static_cast<std::uint8_t>(message.size() >> 8),
                                static_cast<std::uint8_t>(message.size() & 0xff)};
  out.insert(out.end(), message.begin(), message.end());
  return out;
}

/// Takes the first whole message out of `bytes`.
std::optional<std::vector<std::uint8_t>> take_message(std::vector<std::uint8_t>& bytes) {
  if (bytes.size() < 2) return std::nullopt;
  const std::size_t length = static_cast<std::size_t>(bytes[0]) << 8 | bytes[1];
  if (bytes.size() < 2 + length) return std::nullopt;
  const auto first = bytes.begin() + 2;
  const auto last = first + static_cast<std::ptrdiff_t>(length);
  std::vector<std::uint8_t> message(first, last);
  bytes.erase(bytes.begin(), last);
  return message;
}

struct Client {
  sys::UniqueFd socket;
  std::vector<std::uint8_t> in{};
  std::vector<std::uint8_t> out{};
  std::size_t lookups = 0;  ///< not answered yet
  bool ended = false;       ///< it says no more
  net::Time last{};
};

struct Lookup {
  std::vector<std::uint8_t> query{};
  net::Question question{};
  sockaddr_in from{};        ///< of a UDP query
  std::uint32_t client = 0;  ///< of a TCP query; 0: UDP
  std::uint16_t id = 0;
  std::uint8_t attempt = 0;
  sys::UniqueFd socket{};
  std::vector<std::uint8_t> out{};  ///< TCP: what the server has not taken yet
  std::vector<std::uint8_t> in{};   ///< TCP: what has come of the answer
  net::Time due{};
};

}  // namespace

class Resolver::State {
 public:
  State(sys::EventLoop& loop, int udp, int tcp, net::Policy& policy, const std::vector<AllowedName>& names,
        bool allowlist, ResolverHost& host)
      : loop_(loop), udp_(udp), tcp_(tcp), rules_(policy, names, allowlist), host_(host) {
    loop_.add(udp_, EPOLLIN, [this](std::uint32_t) { read_udp(); });
    loop_.add(tcp_, EPOLLIN, [this](std::uint32_t) { accept_client(); });
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    loop_.remove(udp_);
    loop_.remove(tcp_);
    for (auto& [number, lookup] : lookups_)
      if (lookup.socket) loop_.remove(lookup.socket.get());
    for (auto& [number, client] : clients_) loop_.remove(client.socket.get());
  }

  bool busy() const { return !lookups_.empty() || !clients_.empty(); }

  void take_upstream(std::uint32_t number, sys::UniqueFd socket) {
    const auto found = lookups_.find(number);
    if (found == lookups_.end() || found->second.socket) return;
    Lookup& lookup = found->second;
    if (!socket) return next_server(number);
    lookup.socket = std::move(socket);
    lookup.id = random_id();
    lookup.in.clear();
    auto message = lookup.query;
    message[0] = static_cast<std::uint8_t>(lookup.id >> 8);
    message[1] = static_cast<std::uint8_t>(lookup.id & 0xff);
    if (lookup.client == 0) {
      if (::send(lookup.socket.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0)
        return next_server(number);
    } else {
      lookup.out = framed(message);
    }
    loop_.add(lookup.socket.get(), lookup.out.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT,
              [this, number](std::uint32_t events) { on_server(number, events); });
  }

  void expire(net::Time now) {
    std::vector<std::uint32_t> late;
    for (const auto& [number, lookup] : lookups_)
      if (lookup.due <= now) late.push_back(number);
    for (const auto number : late) next_server(number);
    late.clear();
    for (const auto& [number, client] : clients_)
      if (client.lookups == 0 && client.last + kIdleLimit <= now) late.push_back(number);
    for (const auto number : late) close_client(number);
  }

 private:
  // --- the box's side ------------------------------------------------------------------------------------------------

  void read_udp() {
    for (int turn = 0; turn < kPerTurn; ++turn) {
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const ssize_t got =
          ::recvfrom(udp_, buffer_.data(), buffer_.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 0) return;
      begin({buffer_.begin(), buffer_.begin() + got}, from, 0);
    }
  }

  void accept_client() {
    sys::UniqueFd socket(::accept4(tcp_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket || clients_.size() >= kMaxClients) return;  // closed: it may come again
    const std::uint32_t number = next_number();
    const int descriptor = socket.get();
    clients_[number] = {.socket = std::move(socket), .last = now_is()};
    loop_.add(descriptor, EPOLLIN, [this, number](std::uint32_t events) { on_client(number, events); });
  }

  void on_client(std::uint32_t number, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) {
      flush(number);
      watch_client(number);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0 || !clients_.contains(number)) return;
    Client& client = clients_.at(number);
    const ssize_t got = ::read(client.socket.get(), buffer_.data(), buffer_.size());
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) return close_client(number);
    client.last = now_is();
    client.ended = client.ended || got == 0;
    client.in.insert(client.in.end(), buffer_.begin(), buffer_.begin() + got);
    serve(number);
  }

  /// Begins as many of the client's queries as it may have at a time. Answers that are there at once come back into this,
  /// so it does not nest.
  void serve(std::uint32_t number) {
    if (serving_) return;
    serving_ = true;
    while (clients_.contains(number)) {
      Client& client = clients_.at(number);
      if (client.lookups >= kMaxPerClient) break;
      auto message = take_message(client.in);
      if (!message) break;
      ++client.lookups;
      begin(std::move(*message), {}, number);
    }
    serving_ = false;
    watch_client(number);
  }

  void watch_client(std::uint32_t number) {
    const auto found = clients_.find(number);
    if (found == clients_.end()) return;
    const Client& client = found->second;
    if (client.ended && client.lookups == 0 && client.out.empty()) return close_client(number);
    const bool more = !client.ended && client.lookups < kMaxPerClient && client.in.size() <= kMaxMessageSize;
    loop_.modify(client.socket.get(), (more ? EPOLLIN : 0U) | (client.out.empty() ? 0U : EPOLLOUT));
  }

  void flush(std::uint32_t number) {
    Client& client = clients_.at(number);
    const ssize_t put = ::send(client.socket.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
    if (put < 0 && errno != EAGAIN) return close_client(number);
    if (put > 0) client.out.erase(client.out.begin(), client.out.begin() + put);
  }

  void close_client(std::uint32_t number) {
    const auto found = clients_.find(number);
    if (found == clients_.end()) return;
    loop_.remove(found->second.socket.get());
    clients_.erase(found);
    for (auto lookup = lookups_.begin(); lookup != lookups_.end();) {
      if (lookup->second.client == number) {
        if (lookup->second.socket) loop_.remove(lookup->second.socket.get());
        lookup = lookups_.erase(lookup);
      } else {
        ++lookup;
      }
    }
  }

  void reply(std::span<const std::uint8_t> message, const sockaddr_in& to, std::uint32_t client_number) {
    if (client_number == 0) {
      if (message.empty()) return;
      ::sendto(udp_, message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to),
               sizeof to);
      return;
    }
    const auto found = clients_.find(client_number);
    if (found == clients_.end()) return;
    Client& client = found->second;
    --client.lookups;
    client.last = now_is();
    const auto bytes = framed(message);
    client.out.insert(client.out.end(), bytes.begin(), bytes.end());
    flush(client_number);
    serve(client_number);
  }

  // --- lookups -------------------------------------------------------------------------------------------------------

  std::uint32_t next_number() {
    if (++number_ == 0) ++number_;  // 0 means none
    return number_;
  }

  void begin(std::vector<std::uint8_t> query, const sockaddr_in& from, std::uint32_t client) {
    auto question = net::read_query(query);
    if (const auto here = rules_.answer_here(query, question)) {
      if (here->reported) host_.looked_up(here->report);
      return reply(here->reply, from, client);
    }
    if (lookups_.size() >= kMaxLookups) {
      if (client != 0) reply(net::error_reply(query, net::kServerFailure), from, client);
      return;  // a UDP query is dropped: the box asks again
    }
    const std::uint32_t number = next_number();
    lookups_[number] = {.query = std::move(query),
                        .question = std::move(*question),
                        .from = from,
                        .client = client,
                        .due = now_is() + kServerLimit};
    host_.want_upstream({.id = number, .attempt = 0, .tcp = client != 0});
  }

  void on_server(std::uint32_t number, std::uint32_t events) {
    Lookup& lookup = lookups_.at(number);
    if (lookup.client == 0) return read_datagrams(number);
    if ((events & EPOLLOUT) != 0 && !lookup.out.empty()) {
      const ssize_t put = ::send(lookup.socket.get(), lookup.out.data(), lookup.out.size(), MSG_NOSIGNAL);
      if (put < 0 && errno != EAGAIN) return next_server(number);
      if (put > 0) lookup.out.erase(lookup.out.begin(), lookup.out.begin() + put);
      if (lookup.out.empty()) loop_.modify(lookup.socket.get(), EPOLLIN);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_stream(number);
  }

  void read_datagrams(std::uint32_t number) {
    for (int turn = 0; turn < kPerTurn; ++turn) {
      const Lookup& lookup = lookups_.at(number);
      const ssize_t got = ::read(lookup.socket.get(), buffer_.data(), buffer_.size());
      if (got < 0 && errno == EAGAIN) return;
      if (got < 0) return next_server(number);  // ECONNREFUSED and the like
      const auto message = std::span<const std::uint8_t>(buffer_).first(static_cast<std::size_t>(got));
      if (net::is_reply_to(message, lookup.question, lookup.id)) return finish(number, message);
    }
  }

  void read_stream(std::uint32_t number) {
    Lookup& lookup = lookups_.at(number);
    const ssize_t got = ::read(lookup.socket.get(), buffer_.data(), buffer_.size());
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return next_server(number);
    lookup.in.insert(lookup.in.end(), buffer_.begin(), buffer_.begin() + got);
    const auto message = take_message(lookup.in);
    if (!message) return;
    if (!net::is_reply_to(*message, lookup.question, lookup.id)) return next_server(number);
    finish(number, *message);
  }

  void finish(std::uint32_t number, std::span<const std::uint8_t> answer) {
    const Lookup lookup = remove(number);
    const auto judged = rules_.judge(lookup.query, lookup.question, answer, now_is());
    for (const auto& grant : judged.grants) host_.granted(grant);
    host_.looked_up(judged.report);
    reply(judged.reply, lookup.from, lookup.client);
  }

  void next_server(std::uint32_t number) {
    const auto found = lookups_.find(number);
    if (found == lookups_.end()) return;
    Lookup& lookup = found->second;
    if (lookup.socket) {
      loop_.remove(lookup.socket.get());
      lookup.socket.reset();
    }
    lookup.out.clear();
    if (++lookup.attempt >= kMaxAttempts) return fail(number);
    lookup.due = now_is() + kServerLimit;
    host_.want_upstream({.id = number, .attempt = lookup.attempt, .tcp = lookup.client != 0});
  }

  void fail(std::uint32_t number) {
    const Lookup lookup = remove(number);
    host_.looked_up({.name = lookup.question.name,
                     .type = lookup.question.type,
                     .result = LookedUp::Result::failed,
                     .addresses = {}});
    reply(net::error_reply(lookup.query, net::kServerFailure), lookup.from, lookup.client);
  }

  Lookup remove(std::uint32_t number) {
    const auto found = lookups_.find(number);
    Lookup lookup = std::move(found->second);
    lookups_.erase(found);
    if (lookup.socket) loop_.remove(lookup.socket.get());
    return lookup;
  }

  sys::EventLoop& loop_;
  int udp_;
  int tcp_;
  LookupRules rules_;
  ResolverHost& host_;
  std::map<std::uint32_t, Lookup> lookups_;
  std::map<std::uint32_t, Client> clients_;
  std::uint32_t number_ = 0;
  bool serving_ = false;
  std::array<std::uint8_t, kMaxMessageSize + 2> buffer_{};
};

Resolver::Resolver(sys::EventLoop& loop, int udp, int tcp_listener, net::Policy& policy,
                   std::vector<AllowedName> names, bool allowlist, ResolverHost& host)
    : state_(std::make_unique<State>(loop, udp, tcp_listener, policy, names, allowlist, host)) {}

Resolver::~Resolver() = default;

void Resolver::take_upstream(std::uint32_t id, sys::UniqueFd socket) {
  state_->take_upstream(id, std::move(socket));
}

void Resolver::expire(net::Time now) {
  state_->expire(now);
}

bool Resolver::busy() const {
  return state_->busy();
}

}  // namespace claudebox::gateway
