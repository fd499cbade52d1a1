// Theory of operation
//
//   accepted ──a socket on the other side──► connecting ──► relayed ──both ends said goodbye, or one reset──► gone
//                                             │      ▲
//                                             └──────┘ refused at 127.0.0.1: the same at ::1, then a reset
//
// --publish: accepted on the host; the other socket comes from the helper, in the box's namespace. --reach: accepted in
// the box's namespace, on a listener that the box's child made there; the other socket is an ordinary one of the host's.
// In both cases the supervisor holds both sockets, and the box gets no socket of the host's: it could use one for
// anything.
#include "runtime/forwards.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <string>

#include "base/error.h"
#include "runtime/forward_helper.h"
#include "runtime/splice_relay.h"

namespace claudebox::runtime {
namespace {

constexpr int kBacklog = 64;
/// Accepted in one turn of the loop.
constexpr int kAccepts = 16;
/// Until accepting is tried again where descriptors or memory had run out.
constexpr std::chrono::milliseconds kRetry{100};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress loopback(int family, std::uint16_t port) {
  SocketAddress address;
  if (family == AF_INET) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.length = sizeof *v4;
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    v6->sin6_addr = in6addr_loopback;
    address.length = sizeof *v6;
  }
  return address;
}

sys::UniqueFd host_socket(int family) {
  return sys::UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

[[noreturn]] void throw_no_port(int error, int family, const plan::PublishedPort& published) {
  const std::string port = std::to_string(published.host_port);
  const std::string box_port = std::to_string(published.box_port);
  const std::string what =
      "can't publish on port " + port + " of " + (family == AF_INET ? "127.0.0.1" : "::1") + ": ";
  if (error == EADDRINUSE)
    throw base::Error(what + "it is taken", "choose another one: --publish OTHER:" + box_port +
                                                "; ss -ltnp 'sport = :" + port + "' shows who has it");
  if (error == EACCES)
    throw base::Error(what + "ports as low as that take a privilege",
                      "choose a higher one: --publish 8080:" + box_port);
  throw base::Error(what + base::errno_text(error));
}

/// Empty where the host has no IPv6.
sys::UniqueFd listen_on_host(int family, const plan::PublishedPort& published) {
  sys::UniqueFd socket = host_socket(family);
  if (!socket && family == AF_INET6 && errno == EAFNOSUPPORT) return {};
  if (!socket) throw_no_port(errno, family, published);
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  const SocketAddress address = loopback(family, published.host_port);
  if (::bind(socket.get(), address.get(), address.length) == 0 && ::listen(socket.get(), kBacklog) == 0)
    return socket;
  if (family == AF_INET6 && errno == EADDRNOTAVAIL) return {};
  throw_no_port(errno, family, published);
}

/// Two sockets for a connection and two ends of a pipe for each direction that waits. The box has been started and keeps
/// the limit that it was given.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = std::max(limit.rlim_cur, std::min<rlim_t>(limit.rlim_max, 8 * kMaxForwarded + 256));
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Whether accept4(2) failed for want of something that others may give back.
bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

class Forwards::State {
 public:
  explicit State(const plan::Network& network);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  void start(sys::EventLoop& loop, pid_t box, std::vector<sys::UniqueFd> reach_listeners);

 private:
  struct Listener {
    sys::UniqueFd socket{};
    std::uint16_t port = 0;  ///< on the other side
    bool into_box = false;
  };
  struct Connection {
    sys::UniqueFd accepted{};
    sys::UniqueFd other{};  ///< while it connects
    std::uint16_t port = 0;
    bool into_box = false;
    int family = AF_INET;
    std::unique_ptr<SpliceRelay> relay{};
  };

  void accept(const Listener& listener);
  void pause(bool paused);
  void open_other(std::uint64_t id);
  void connect(std::uint64_t id, sys::UniqueFd socket);
  void connected(std::uint64_t id);
  void try_next(std::uint64_t id);
  void relay(std::uint64_t id);
  void end(std::uint64_t id) noexcept;

  std::vector<plan::ReachedPort> reach_;
  std::vector<Listener> listeners_;
  bool publishes_ = false;
  bool paused_ = false;
  sys::EventLoop* loop_ = nullptr;
  sys::UniqueFd retry_timer_;
  std::unique_ptr<ForwardHelper> helper_;
  PipePool pipes_;
  std::map<std::uint64_t, Connection> connections_;
  std::uint64_t last_id_ = 0;
};

Forwards::State::State(const plan::Network& network) : reach_(network.reach) {
  for (const auto& published : network.publish) {
    publishes_ = true;
    for (const int family : {AF_INET, AF_INET6})
      if (sys::UniqueFd socket = listen_on_host(family, published))
        listeners_.push_back({std::move(socket), published.box_port, true});
  }
}

Forwards::State::~State() {
  while (!connections_.empty()) end(connections_.begin()->first);
  if (!loop_) return;
  for (const auto& listener : listeners_) loop_->remove(listener.socket.get());
  if (retry_timer_) loop_->remove(retry_timer_.get());
}

void Forwards::State::start(sys::EventLoop& loop, pid_t box, std::vector<sys::UniqueFd> reach_listeners) {
  for (std::size_t i = 0; i < reach_listeners.size(); ++i)
    if (reach_listeners[i])
      listeners_.push_back({std::move(reach_listeners[i]), reach_.at(i / 2).port, false});
  if (listeners_.empty()) return;
  raise_descriptor_limit();
  loop_ = &loop;
  if (publishes_) helper_ = std::make_unique<ForwardHelper>(loop, box);
  if (helper_ && !helper_->has_box()) return;  // a short command: it has run, and nobody is left to reach
  retry_timer_ = sys::make_timer();
  loop.add(retry_timer_.get(), EPOLLIN, [this](std::uint32_t) {
    std::uint64_t expirations = 0;
    [[maybe_unused]] const auto ignored = ::read(retry_timer_.get(), &expirations, sizeof expirations);
    pause(false);
  });
  for (const auto& listener : listeners_)
    loop.add(listener.socket.get(), EPOLLIN, [this, &listener](std::uint32_t) { accept(listener); });
}

void Forwards::State::accept(const Listener& listener) {
  for (int i = 0; i < kAccepts; ++i) {
    if (connections_.size() >= kMaxForwarded) return pause(true);  // until one ends
    sys::UniqueFd socket(::accept4(listener.socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket && is_shortage(errno)) {
      sys::arm_timer(retry_timer_.get(), kRetry);
      return pause(true);
    }
    if (!socket) return;
    const std::uint64_t id = ++last_id_;
    connections_[id] = {.accepted = std::move(socket), .port = listener.port, .into_box = listener.into_box};
    open_other(id);
  }
}

void Forwards::State::pause(bool paused) {
  if (paused == paused_) return;
  paused_ = paused;
  const std::uint32_t events = paused ? 0U : std::uint32_t{EPOLLIN};
  for (const auto& listener : listeners_) loop_->modify(listener.socket.get(), events);
}

void Forwards::State::open_other(std::uint64_t id) {
  const Connection& connection = connections_.at(id);
  if (!connection.into_box) return connect(id, host_socket(connection.family));
  helper_->request(connection.family, [this, id](sys::UniqueFd socket) { connect(id, std::move(socket)); });
}

void Forwards::State::connect(std::uint64_t id, sys::UniqueFd socket) {
  Connection& connection = connections_.at(id);
  if (!socket) return try_next(id);
  const SocketAddress address = loopback(connection.family, connection.port);
  const int result = ::connect(socket.get(), address.get(), address.length);
  if (result < 0 && errno != EINPROGRESS) return try_next(id);
  connection.other = std::move(socket);
  if (result == 0) return relay(id);
  try {
    loop_->add(connection.other.get(), EPOLLOUT, [this, id](std::uint32_t) { connected(id); });
  } catch (const base::Error&) {
    end(id);
  }
}

void Forwards::State::connected(std::uint64_t id) {
  const int socket = connections_.at(id).other.get();
  loop_->remove(socket);
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length);
  error == 0 ? relay(id) : try_next(id);
}

void Forwards::State::try_next(std::uint64_t id) {
  Connection& connection = connections_.at(id);
  connection.other.reset();
  if (connection.family == AF_INET6) return end(id);
  connection.family = AF_INET6;
  open_other(id);
}

void Forwards::State::relay(std::uint64_t id) {
  Connection& connection = connections_.at(id);
  connection.relay = std::make_unique<SpliceRelay>(*loop_, pipes_, std::move(connection.accepted),
                                                   std::move(connection.other));
  try {
    connection.relay->start([this, id] { end(id); });
  } catch (const base::Error&) {
    end(id);
  }
}

/// What was never relayed is reset, so that the caller does not take it for an answer.
void Forwards::State::end(std::uint64_t id) noexcept {
  const auto found = connections_.find(id);
  Connection& connection = found->second;
  if (connection.other) loop_->remove(connection.other.get());
  if (connection.accepted) close_with_reset(std::move(connection.accepted));
  connections_.erase(found);
  if (paused_) pause(false);
}

Forwards::Forwards(const plan::Network& network) : state_(std::make_unique<State>(network)) {}
Forwards::~Forwards() = default;

void Forwards::start(sys::EventLoop& loop, pid_t box, std::vector<sys::UniqueFd> reach_listeners) {
  state_->start(loop, box, std::move(reach_listeners));
}

}  // namespace claudebox::runtime
