#include "gateway/dns_clients.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace claudebox::gateway {
namespace {

constexpr int kPerTurn = 16;
/// Bytes that a client may leave unread before it gets no more answers.
constexpr std::size_t kMaxUnread = std::size_t{64} * 1024;

net::Time now_is() {
  return std::chrono::steady_clock::now();
}

}  // namespace

DnsClients::DnsClients(sys::EventLoop& loop, int udp, int tcp_listener, Query query, Gone gone)
    : loop_(loop), udp_(udp), listener_(tcp_listener), query_(std::move(query)), gone_(std::move(gone)) {
  loop_.add(udp_, EPOLLIN, [this](std::uint32_t) { read_datagrams(); });
  loop_.add(listener_, EPOLLIN, [this](std::uint32_t) { accept_client(); });
}

DnsClients::~DnsClients() {
  loop_.remove(udp_);
  loop_.remove(listener_);
  for (auto& [number, client] : clients_) loop_.remove(client.socket.get());
}

void DnsClients::read_datagrams() {
  for (int turn = 0; turn < kPerTurn; ++turn) {
    Asker asker;
    socklen_t size = sizeof asker.from;
    const ssize_t got = ::recvfrom(udp_, buffer_.data(), buffer_.size(), MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&asker.from), &size);
    if (got < 0) return;
    query_({buffer_.begin(), buffer_.begin() + got}, asker);
  }
}

void DnsClients::reply(const Asker& asker, std::span<const std::uint8_t> message) {
  if (!asker.by_tcp()) {
    // One that does not fit is lost, as datagrams are: a box that reads none of them must not stop the gateway.
    if (!message.empty())
      ::sendto(udp_, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&asker.from), sizeof asker.from);
    return;
  }
  const auto found = clients_.find(asker.client);
  if (found == clients_.end()) return;
  if (message.empty()) return close(asker.client);
  Client& client = found->second;
  --client.open;
  client.last = now_is();
  const auto bytes = net::framed(message);
  client.out.insert(client.out.end(), bytes.begin(), bytes.end());
  if (!flush(client)) return close(asker.client);
  serve(asker.client);
}

void DnsClients::accept_client() {
  sys::UniqueFd socket(::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket) {
    // Without a free descriptor the client stays in the queue, and the loop would turn for nothing.
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
      accepting_ = false;
      loop_.modify(listener_, 0);
    }
    return;
  }
  if (clients_.size() >= kMaxClients && !make_room()) return;
  if (++last_number_ == 0) ++last_number_;  // 0 means UDP
  const std::uint32_t number = last_number_;
  loop_.add(socket.get(), EPOLLIN, [this, number](std::uint32_t events) { on_client(number, events); });
  clients_[number] = {.socket = std::move(socket), .last = now_is()};
}

/// RFC 7766 section 6.2.3: a connection that asks nothing may be closed at any time.
bool DnsClients::make_room() {
  auto idlest = clients_.end();
  for (auto client = clients_.begin(); client != clients_.end(); ++client)
    if (client->second.open == 0 && (idlest == clients_.end() || client->second.last < idlest->second.last))
      idlest = client;
  if (idlest == clients_.end()) return false;
  close(idlest->first);
  return true;
}

void DnsClients::on_client(std::uint32_t number, std::uint32_t events) {
  Client& client = clients_.at(number);
  // Half-closed by the client is neither of these: now nobody is left to read an answer.
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return close(number);
  if ((events & EPOLLOUT) != 0 && !flush(client)) return close(number);
  if ((events & EPOLLIN) != 0) {
    const ssize_t got = ::read(client.socket.get(), buffer_.data(), buffer_.size());
    if (got < 0 && errno != EAGAIN) return close(number);
    if (got >= 0) {
      client.last = now_is();
      client.ended = got == 0;
      client.in.append(std::span(buffer_).first(static_cast<std::size_t>(got)));
    }
  }
  serve(number);
}

/// Begins as many of the client's queries as it may have open. Answers that are there at once come back to here by
/// `reply`, so it does not nest.
void DnsClients::serve(std::uint32_t number) {
  if (std::exchange(clients_.at(number).serving, true)) return;
  for (auto found = clients_.find(number); found != clients_.end(); found = clients_.find(number)) {
    Client& client = found->second;
    const bool may_ask = client.open < kMaxOpen && client.out.size() < kMaxUnread;
    auto message = may_ask ? client.in.next() : std::nullopt;
    if (!message) {
      client.serving = false;
      return watch(number);
    }
    ++client.open;
    query_(std::move(*message), {.client = number, .from = {}});
  }
}

/// Sends what there is room for; false where the client is gone.
bool DnsClients::flush(Client& client) {
  if (client.out.empty()) return true;
  const ssize_t put = ::send(client.socket.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
  if (put > 0) {
    client.out.erase(client.out.begin(), client.out.begin() + put);
    client.last = now_is();
  }
  return put >= 0 || errno == EAGAIN;
}

void DnsClients::watch(std::uint32_t number) {
  const Client& client = clients_.at(number);
  if (client.ended && client.open == 0 && client.out.empty()) return close(number);
  const bool more = !client.ended && client.open < kMaxOpen && client.out.size() < kMaxUnread &&
                    client.in.size() < net::kMaxFramed;
  loop_.modify(client.socket.get(), (more ? EPOLLIN : 0U) | (client.out.empty() ? 0U : EPOLLOUT));
}

void DnsClients::close(std::uint32_t number) {
  const auto found = clients_.find(number);
  loop_.remove(found->second.socket.get());
  clients_.erase(found);
  gone_(number);
}

void DnsClients::expire(net::Time now) {
  if (!std::exchange(accepting_, true)) loop_.modify(listener_, EPOLLIN);
  std::vector<std::uint32_t> idle;
  for (const auto& [number, client] : clients_)
    if (client.open == 0 && client.last + kIdleLimit <= now) idle.push_back(number);
  for (const auto number : idle) close(number);
}

}  // namespace claudebox::gateway
