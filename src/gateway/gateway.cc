// Theory of operation
//
//   1 access is dropped (confine.h), before anything is read
//   2 Configure and the first HostPrefixes arrive; with them the descriptors, which must get the numbers that the filter
//     speaks of
//   3 system calls are locked, "confined" is said; only now is a packet read
//   4 one loop until the supervisor closes its end; what was counted is told before the end
//
// The supervisor kills it at any moment and starts another: nothing here is worth keeping but the grants, and those the
// supervisor has been told.
#include "gateway/gateway.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>

#include "base/error.h"
#include "gateway/confine.h"
#include "gateway/control.h"
#include "gateway/link.h"
#include "gateway/reporter.h"
#include "gateway/resolver.h"
#include "net/policy.h"
#include "sys/event_loop.h"
#include "sys/fd_passing.h"
#include "sys/seccomp.h"

namespace claudebox::gateway {
namespace {

constexpr int kSuccess = 0;
constexpr int kFailure = 125;
/// How long an unused grant may linger is minutes, so this is often enough; queries in flight need it oftener.
constexpr int kResolverTick = 200;

net::Time now_is() {
  return std::chrono::steady_clock::now();
}

class Gateway : private ResolverHost {
 public:
  Gateway() : reporter_(sys::kGatewayControl) {}

  void run() {
    configure();
    loop_.add(sys::kGatewayControl, EPOLLIN, [this](std::uint32_t) { read_control(); });
    link_.emplace(loop_, sys::kGatewayTun, rules_, *policy_, reporter_);
    resolver_.emplace(loop_, sys::kGatewayUdp, sys::kGatewayTcp, *policy_, names_, rules_.allowlist,
                      static_cast<ResolverHost&>(*this));
    while (!loop_.stopped()) {
      loop_.wait_once(timeout());
      const auto now = now_is();
      link_->work(now);
      if (resolver_->busy()) resolver_->expire(now);
    }
    link_->work(now_is(), /*all=*/true);
  }

 private:
  struct Received {
    Message message;
    std::vector<sys::UniqueFd> descriptors;
  };

  /// Waits for the next message; empty at the end.
  std::optional<Received> receive(int flags) {
    auto datagram = sys::receive_datagram(sys::kGatewayControl, buffer_, flags);
    if (!datagram) {
      if (errno != EAGAIN) loop_.stop();
      return std::nullopt;
    }
    auto message = datagram->bytes.empty() ? std::nullopt : decode(datagram->bytes);
    if (!message) {
      loop_.stop();
      return std::nullopt;
    }
    return Received{std::move(*message), std::move(datagram->descriptors)};
  }

  template <class T>
  std::pair<T, std::vector<sys::UniqueFd>> expect() {
    auto received = receive(0);
    if (!received || !std::holds_alternative<T>(received->message))
      throw base::Error("the supervisor did not say what to do");
    return {std::get<T>(std::move(received->message)), std::move(received->descriptors)};
  }

  void configure() {
    auto [configuration, descriptors] = expect<Configure>();
    constexpr std::array wanted{sys::kGatewayTun, sys::kGatewayUdp, sys::kGatewayTcp};
    const bool as_wanted = std::equal(descriptors.begin(), descriptors.end(), wanted.begin(), wanted.end(),
                                      [](const auto& got, int number) { return got.get() == number; });
    if (!as_wanted) throw base::Error("the descriptors do not have the numbers that the filter speaks of");
    tun_ = std::move(descriptors[0]);
    udp_ = std::move(descriptors[1]);
    tcp_ = std::move(descriptors[2]);
    rules_ = configuration.rules;
    names_ = std::move(configuration.names);
    policy_.emplace(rules_);
    while (take_prefixes(expect<HostPrefixes>().first)) {
    }
    lock_system_calls();
    reporter_.send(Confined{});
  }

  /// Whether more parts follow.
  bool take_prefixes(HostPrefixes part) {
    prefixes_.insert(prefixes_.end(), part.prefixes.begin(), part.prefixes.end());
    if (part.more) return true;
    policy_->set_host_prefixes(std::exchange(prefixes_, {}));
    return false;
  }

  void read_control() {
    while (auto received = receive(MSG_DONTWAIT)) {
      auto& [message, descriptors] = *received;
      if (auto* part = std::get_if<HostPrefixes>(&message)) {
        if (!take_prefixes(std::move(*part))) link_->cut_forbidden(now_is());
      } else if (const auto* grants = std::get_if<Grants>(&message)) {
        for (const auto& grant : grants->grants) policy_->grant(grant, std::chrono::seconds(0), now_is());
      } else if (std::holds_alternative<SlirpSocket>(message)) {
        if (!descriptors.empty()) link_->connect(std::move(descriptors.front()));
      } else if (const auto* upstream = std::get_if<Upstream>(&message)) {
        resolver_->take_upstream(upstream->id,
                                 descriptors.empty() ? sys::UniqueFd() : std::move(descriptors.front()));
      }
    }
  }

  int timeout() const {
    int wait = link_->timeout(now_is());
    if (resolver_->busy()) wait = wait < 0 ? kResolverTick : std::min(wait, kResolverTick);
    return wait;
  }

  void want_upstream(const WantUpstream& wanted) override {
    reporter_.send(wanted);  // where it is lost, the query waits for its time limit
  }
  void looked_up(const LookedUp& lookup) override { reporter_.send(lookup); }
  void granted(const net::Grant& grant) override { reporter_.send(Granted{grant}); }

  sys::EventLoop loop_;  // first: its descriptor must be the one after the control socket
  Reporter reporter_;
  sys::UniqueFd tun_, udp_, tcp_;
  net::PolicyRules rules_;
  std::vector<AllowedName> names_;
  std::optional<net::Policy> policy_;
  std::vector<net::HostPrefix> prefixes_;
  std::optional<Link> link_;
  std::optional<Resolver> resolver_;
  std::array<std::uint8_t, kMaxMessage> buffer_{};
};

}  // namespace

int run() noexcept {
  try {
    drop_access();
    const auto gateway = std::make_unique<Gateway>();  // its buffers are large
    gateway->run();
    return kSuccess;
  } catch (...) {
    // There is nobody to tell: its standard error is /dev/null, and the supervisor sees that it ended.
    return kFailure;
  }
}

}  // namespace claudebox::gateway
