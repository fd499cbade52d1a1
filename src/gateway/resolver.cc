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
// A server that can't answer (SERVFAIL, REFUSED) is left for the next, as glibc does; what it said is the answer where
// no other has a better one. Everything is bounded: lookups in flight, TCP clients, what each may have open, and time.
#include "gateway/resolver.h"

#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "gateway/dns_clients.h"
#include "gateway/lookup.h"
#include "net/dns_stream.h"

namespace claudebox::gateway {
namespace {

using namespace std::chrono_literals;
using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kMaxLookups = 64;
constexpr int kPerTurn = 16;
/// All servers have had their time before a program in the box loses patience: glibc waits 5 s and asks again.
constexpr auto kServerLimit = 2s;
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

struct Lookup {
  std::vector<std::uint8_t> query{};
  net::Question question{};
  Asker asker{};
  net::Time due{};
  std::uint8_t attempt = 0;
  std::uint16_t id = 0;  ///< towards the server
  sys::UniqueFd socket{};
  std::vector<std::uint8_t> out{};     ///< TCP: what the server has not taken yet
  net::DnsStream in{};                 ///< TCP: what has come of the answer
  std::vector<std::uint8_t> excuse{};  ///< what a server said that could not answer
};

bool is_excuse(Bytes reply) {
  const int code = reply[3] & 0x0f;
  return code == net::kServerFailure || code == net::kNotImplemented || code == net::kRefused;
}

}  // namespace

class Resolver::State {
 public:
  State(sys::EventLoop& loop, int udp, int tcp, net::Policy& policy, const std::vector<AllowedName>& names,
        bool allowlist, ResolverHost& host)
      : loop_(loop),
        rules_(policy, names, allowlist),
        host_(host),
        clients_(
            loop, udp, tcp, [this](auto query, const Asker& asker) { begin(std::move(query), asker); },
            [this](std::uint32_t client) { forget(client); }) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    for (auto& [number, lookup] : lookups_) drop_socket(lookup);
  }

  bool busy() const { return !lookups_.empty() || clients_.busy(); }

  void take_upstream(std::uint32_t number, sys::UniqueFd socket) {
    const auto found = lookups_.find(number);
    if (found == lookups_.end() || found->second.socket) return;
    Lookup& lookup = found->second;
    if (!socket) return next_server(number, now_is());
    lookup.socket = std::move(socket);
    lookup.id = random_id();
    lookup.in = {};
    const auto query = net::forwarded_query(lookup.query, lookup.question, lookup.id);
    if (lookup.asker.by_tcp()) {
      lookup.out = net::framed(query);
    } else if (::send(lookup.socket.get(), query.data(), query.size(), MSG_NOSIGNAL) < 0) {
      lookup.socket.reset();
      return next_server(number, now_is());
    }
    loop_.add(lookup.socket.get(), lookup.out.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT,
              [this, number](std::uint32_t events) { on_server(number, events); });
  }

  void expire(net::Time now) {
    std::vector<std::uint32_t> late;
    for (const auto& [number, lookup] : lookups_)
      if (lookup.due <= now) late.push_back(number);
    for (const auto number : late) next_server(number, now);
    clients_.expire(now);
  }

 private:
  void begin(std::vector<std::uint8_t> query, const Asker& asker) {
    auto question = net::read_query(query);
    if (const auto here = rules_.answer_here(query, question)) {
      if (here->reported) host_.looked_up(here->report);
      return clients_.reply(asker, here->reply);
    }
    if (lookups_.size() >= kMaxLookups) {
      // A UDP query is dropped: the box asks again.
      if (asker.by_tcp()) clients_.reply(asker, net::error_reply(query, net::kServerFailure));
      return;
    }
    if (++last_number_ == 0) ++last_number_;
    const std::uint32_t number = last_number_;
    lookups_[number] = {.query = std::move(query),
                        .question = std::move(*question),
                        .asker = asker,
                        .due = now_is() + kServerLimit};
    host_.want_upstream({.id = number, .attempt = 0, .tcp = asker.by_tcp()});
  }

  void on_server(std::uint32_t number, std::uint32_t events) {
    Lookup& lookup = lookups_.at(number);
    if (!lookup.asker.by_tcp()) return read_datagrams(number);
    if ((events & EPOLLOUT) != 0 && !lookup.out.empty()) {
      const ssize_t put = ::send(lookup.socket.get(), lookup.out.data(), lookup.out.size(), MSG_NOSIGNAL);
      if (put < 0 && errno != EAGAIN) return next_server(number, now_is());
      if (put > 0) lookup.out.erase(lookup.out.begin(), lookup.out.begin() + put);
      if (lookup.out.empty()) loop_.modify(lookup.socket.get(), EPOLLIN);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_stream(number);
  }

  void read_datagrams(std::uint32_t number) {
    const Lookup& lookup = lookups_.at(number);
    for (int turn = 0; turn < kPerTurn; ++turn) {
      const ssize_t got = ::read(lookup.socket.get(), buffer_.data(), buffer_.size());
      if (got < 0 && errno == EAGAIN) return;
      if (got < 0) return next_server(number, now_is());  // ECONNREFUSED and the like
      const auto message = Bytes(buffer_).first(static_cast<std::size_t>(got));
      if (net::is_reply_to(message, lookup.question, lookup.id)) return take_answer(number, message);
    }
  }

  void read_stream(std::uint32_t number) {
    Lookup& lookup = lookups_.at(number);
    const ssize_t got = ::read(lookup.socket.get(), buffer_.data(), buffer_.size());
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return next_server(number, now_is());
    lookup.in.append(Bytes(buffer_).first(static_cast<std::size_t>(got)));
    const auto message = lookup.in.next();
    if (!message) return;
    if (!net::is_reply_to(*message, lookup.question, lookup.id)) return next_server(number, now_is());
    take_answer(number, *message);
  }

  void take_answer(std::uint32_t number, Bytes message) {
    if (!is_excuse(message)) return finish(number, message);
    lookups_.at(number).excuse.assign(message.begin(), message.end());
    next_server(number, now_is());
  }

  void next_server(std::uint32_t number, net::Time now) {
    const auto found = lookups_.find(number);
    if (found == lookups_.end()) return;
    Lookup& lookup = found->second;
    drop_socket(lookup);
    lookup.out.clear();
    if (++lookup.attempt >= kMaxAttempts) {
      const auto excuse = std::move(lookup.excuse);
      return excuse.empty() ? fail(number) : finish(number, excuse);
    }
    lookup.due = now + kServerLimit;
    host_.want_upstream({.id = number, .attempt = lookup.attempt, .tcp = lookup.asker.by_tcp()});
  }

  void finish(std::uint32_t number, Bytes answer) {
    const Lookup lookup = remove(number);
    const auto judged = rules_.judge(lookup.query, lookup.question, answer, now_is());
    for (const auto& grant : judged.grants) host_.granted(grant);
    host_.looked_up(judged.report);
    clients_.reply(lookup.asker, judged.reply);
  }

  void fail(std::uint32_t number) {
    const Lookup lookup = remove(number);
    report_failed(lookup);
    clients_.reply(lookup.asker, net::error_reply(lookup.query, net::kServerFailure));
  }

  /// The client is gone. Its questions have left the machine all the same, so they are told.
  void forget(std::uint32_t client) {
    for (auto at = lookups_.begin(); at != lookups_.end();) {
      const auto lookup = at++;
      if (lookup->second.asker.client == client) report_failed(remove(lookup->first));
    }
  }

  void report_failed(const Lookup& lookup) {
    host_.looked_up({.name = lookup.question.name,
                     .type = lookup.question.type,
                     .result = LookedUp::Result::failed,
                     .addresses = {}});
  }

  Lookup remove(std::uint32_t number) {
    const auto found = lookups_.find(number);
    Lookup lookup = std::move(found->second);
    lookups_.erase(found);
    drop_socket(lookup);
    return lookup;
  }

  void drop_socket(Lookup& lookup) {
    if (!lookup.socket) return;
    loop_.remove(lookup.socket.get());
    lookup.socket.reset();
  }

  sys::EventLoop& loop_;
  LookupRules rules_;
  ResolverHost& host_;
  DnsClients clients_;
  std::map<std::uint32_t, Lookup> lookups_;
  std::uint32_t last_number_ = 0;
  std::array<std::uint8_t, net::kMaxFramed> buffer_{};
};

Resolver::Resolver(sys::EventLoop& loop, int udp, int tcp_listener, net::Policy& policy,
                   const std::vector<AllowedName>& names, bool allowlist, ResolverHost& host)
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
