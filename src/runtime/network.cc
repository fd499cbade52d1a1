// Theory of operation
//
//   Network()      slirp4netns and the gateway are cloned; the monitor of the host's networks is open before they are
//                  first read, so that no change in between is missed
//   start()        the gateway gets its rules, the host's prefixes and the descriptors of the box
//   in the loop    slirp4netns listens: its socket goes to the gateway ─┐
//                  slirp4netns is ready ────────────────────────────────┼─► ready: the command may start
//                  the gateway is confined ─────────────────────────────┘
//
// While the box lives, whichever of the two ends is replaced; with the gateway also slirp4netns, which spins when its peer
// is gone. The supervisor keeps what they need: the descriptors of the box's network and the grants. Nothing passes
// meanwhile. Too many replacements in a minute end the box: something is wrong that a restart does not mend.
//
// A descriptor that is closed never reads as "go": ready is a byte, confined is a message.
#include "runtime/network.h"

#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.h"
#include "base/text.h"
#include "net/forget_oldest.h"
#include "runtime/network_events.h"
#include "sys/clock.h"

namespace claudebox::runtime {
namespace {

using namespace std::chrono_literals;

constexpr auto kConnectEvery = 100us;
constexpr auto kStartLimit = 10s;
/// Counted in looks, so that a time in which claudebox itself was stopped is not taken for theirs.
constexpr auto kLookEvery = 100ms;
constexpr int kLooks = kStartLimit / kLookEvery;
constexpr std::size_t kMaxRestarts = 5;
constexpr auto kRestartWindow = 60s;
constexpr std::size_t kPrefixesPerMessage = 500;
constexpr std::size_t kGrantsPerMessage = 500;
/// How long the last reports may take. They are on the way to the exit of claudebox.
constexpr int kFinishLimitMs = 50;

gateway::Configure configuration(const plan::Plan& plan) {
  gateway::Configure configure;
  configure.rules.allowlist = plan.network.value == plan::Tier::allowlist;
  const auto box_v4 = net::Address::parse(plan.net.box_v4);
  const auto box_v6 = net::Address::parse(plan.net.box_v6);
  if (!box_v4 || !box_v6) throw base::Error("the plan's network has no usable addresses");
  configure.rules.box_v4 = *box_v4;
  configure.rules.box_v6 = *box_v6;
  for (const auto& lan : plan.net.lan) {
    if (const auto prefix = net::Prefix::parse(lan.prefix))
      configure.rules.lan.push_back({.prefix = *prefix, .port = lan.port});
    else
      configure.names.push_back({.pattern = lan.name, .lan = true, .port = lan.port});
  }
  for (const auto& allowed : plan.net.allow) configure.names.push_back({.pattern = allowed.pattern});
  return configure;
}

/// A gateway tells nobody why it ended before it was confined.
[[noreturn]] void throw_untold(int error) {
  if (error == EPIPE)
    throw base::Error(
        "the gateway of the box's network ended before it was ready",
        "ulimit -a shows whether a limit is too low for it; claudebox check looks for other causes");
  base::throw_system_error(error, "can't tell the gateway what to do");
}

/// What a program printed, behind a message.
std::string detail(std::string output) {
  while (!output.empty() && (output.back() == '\n' || output.back() == ' ')) output.pop_back();
  return output.empty() ? "" : ": " + base::escape_for_terminal(output);
}

}  // namespace

Network::Network(const plan::Plan& plan, UpstreamServers upstream)
    : plan_(plan), gateway_wanted_(plan.has_gateway()), upstream_(std::move(upstream)), forwards_(plan.net) {
  if (!gateway_wanted_) return;
  slirp_.emplace(plan.net);
  gateway_ = std::make_unique<GatewayProcess>();  // it waits for what `start` tells it
  host_.emplace();
  timer_ = sys::make_timer();
}

Network::~Network() {
  if (!loop_) return;
  unwatch_slirp();
  if (gateway_) loop_->remove(gateway_->descriptor());
  if (host_) loop_->remove(host_->descriptor());
  if (timer_) loop_->remove(timer_.get());
}

void Network::start(sys::EventLoop& loop, BoxNetwork network, pid_t box, NetworkCallbacks callbacks) {
  loop_ = &loop;
  box_ = std::move(network);
  callbacks_ = std::move(callbacks);
  forwards_.start(loop, box, std::move(box_.reach));
  if (!gateway_wanted_) return;
  tell_gateway();
  loop_->add(host_->descriptor(), EPOLLIN, [this](std::uint32_t) { guarded([this] { on_host_change(); }); });
  loop_->add(timer_.get(), EPOLLIN, [this](std::uint32_t) {
    guarded([this] { connected_ ? look_whether_ready() : connect_slirp(); });
  });
  watch_slirp();
}

void Network::guarded(const std::function<void()>& work) {
  try {
    work();
  } catch (const base::Error& error) {
    fail(error.message());
  }
}

void Network::tell_gateway() {
  confined_ = false;
  loop_->add(gateway_->descriptor(), EPOLLIN,
             [this](std::uint32_t events) { guarded([this, events] { on_control(events); }); });
  const std::array descriptors{box_.tun.get(), box_.udp.get(), box_.tcp.get()};
  if (!gateway_->send(configuration(plan_), descriptors)) throw_untold(errno);
  stage("gateway told");
  send_prefixes();
  stage("host's networks");
  std::vector<net::Grant> grants;
  for (const auto& [grant, last] : grants_) grants.push_back(grant);
  for (std::size_t at = 0; at < grants.size(); at += kGrantsPerMessage) {
    const auto count = static_cast<std::ptrdiff_t>(std::min(kGrantsPerMessage, grants.size() - at));
    const auto first = grants.begin() + static_cast<std::ptrdiff_t>(at);
    gateway_->send(gateway::Grants{{first, first + count}});
  }
}

/// A gateway that is stopped does not read: what it must know is sent when there is room again, and until then it passes
/// nothing.
void Network::send_prefixes() {
  const auto prefixes = host_->read();
  std::size_t at = 0;
  prefixes_due_ = false;
  do {
    const std::size_t count = std::min(kPrefixesPerMessage, prefixes.size() - at);
    const auto first = prefixes.begin() + static_cast<std::ptrdiff_t>(at);
    at += count;
    if (!gateway_->send(gateway::HostPrefixes{.prefixes = {first, first + static_cast<std::ptrdiff_t>(count)},
                                              .more = at < prefixes.size()})) {
      prefixes_due_ = true;
      break;
    }
  } while (at < prefixes.size());
  loop_->modify(gateway_->descriptor(), prefixes_due_ ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void Network::on_host_change() {
  if (host_->changed() && gateway_) send_prefixes();
}

void Network::watch_slirp() {
  connected_ = slirp_ready_ = false;
  connect_by_ = std::chrono::steady_clock::now() + kStartLimit;
  loop_->add(slirp_->ready_descriptor(), EPOLLIN,
             [this](std::uint32_t) { guarded([this] { on_slirp_ready(); }); });
  loop_->add(slirp_->process().pidfd.get(), EPOLLIN, [this](std::uint32_t) {
    guarded([this] { restart_slirp("slirp4netns ended" + detail(slirp_->output())); });
  });
  connect_slirp();
}

void Network::unwatch_slirp() {
  if (!slirp_) return;
  loop_->remove(slirp_->ready_descriptor());
  loop_->remove(slirp_->process().pidfd.get());
}

void Network::connect_slirp() {
  if (connected_) return;
  if (auto socket = slirp_->try_connect()) {
    connected_ = true;
    looks_left_ = kLooks;
    sys::arm_timer(timer_.get(), kLookEvery);
    const std::array descriptors{socket->get()};
    if (!gateway_->send(gateway::SlirpSocket{}, descriptors))
      base::throw_system_error(errno, "can't hand slirp4netns to the gateway");
    stage("slirp4netns connected");
    return;
  }
  if (std::chrono::steady_clock::now() > connect_by_)
    throw base::Error("slirp4netns does not answer" + detail(slirp_->output()));
  sys::arm_timer(timer_.get(), kConnectEvery);
}

/// One that hangs ends nothing by itself.
void Network::look_whether_ready() {
  sys::clear_timer(timer_.get());
  if (confined_ && slirp_ready_) return;
  if (--looks_left_ > 0) return sys::arm_timer(timer_.get(), kLookEvery);
  if (!confined_) return restart_gateway("the gateway does not get ready");
  restart_slirp("slirp4netns does not get ready" + detail(slirp_->output()));
}

void Network::on_slirp_ready() {
  loop_->remove(slirp_->ready_descriptor());
  if (!slirp_->read_ready()) return;  // it ends: the descriptor of its process says so
  slirp_ready_ = true;
  stage("slirp4netns ready");
  release();
}

void Network::on_control(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0 && prefixes_due_) send_prefixes();
  // Bounded, so that a flood of reports does not keep signals waiting.
  gateway::Message message;
  for (int turn = 0; turn < 64; ++turn) {
    switch (gateway_->receive(message)) {
      case GatewayProcess::Read::nothing:
        return;
      case GatewayProcess::Read::end:
        return restart_gateway("the gateway ended");
      case GatewayProcess::Read::message:
        on_message(message);
    }
  }
}

void Network::on_message(const gateway::Message& message) {
  if (std::holds_alternative<gateway::Confined>(message)) {
    confined_ = true;
    stage("gateway confined");
    release();
  } else if (const auto* wanted = std::get_if<gateway::WantUpstream>(&message)) {
    const auto socket = upstream_.open(wanted->attempt, wanted->tcp);
    const std::array descriptors{socket.get()};
    gateway_->send(gateway::Upstream{wanted->id}, std::span(descriptors).first(socket ? 1 : 0));
  } else if (const auto* granted = std::get_if<gateway::Granted>(&message)) {
    if (grants_.size() >= net::Policy::kMaxGrants)
      net::forget_oldest(grants_, [](const auto& last) { return last; });
    grants_[granted->grant] = std::chrono::steady_clock::now();
  } else if (std::holds_alternative<gateway::SlirpLost>(message)) {
    if (connected_) restart_slirp("slirp4netns closed its connection");
  } else if (auto event = network_event(message, sys::wall_clock())) {
    callbacks_.event(*event);
  }
}

void Network::release() {
  if (!confined_ || !slirp_ready_ || !connected_ || failed_) return;
  if (!std::exchange(released_, true)) callbacks_.ready();
}

bool Network::may_restart(const std::string& what) {
  if (failed_) return false;
  if (!released_) {
    fail(what);
    return false;
  }
  const auto now = std::chrono::steady_clock::now();
  while (!restarts_.empty() && restarts_.front() < now - kRestartWindow) restarts_.pop_front();
  if (restarts_.size() >= kMaxRestarts) {
    fail("its network failed " + std::to_string(kMaxRestarts + 1) +
         " times within a minute; the last time: " + what);
    return false;
  }
  restarts_.push_back(now);
  incident(what + "; it was replaced");
  return true;
}

void Network::restart_slirp(const std::string& why) {
  unwatch_slirp();
  if (!may_restart(why)) return;
  slirp_.emplace(plan_.net);
  watch_slirp();
}

void Network::restart_gateway(const std::string& why) {
  loop_->remove(gateway_->descriptor());
  unwatch_slirp();
  if (!may_restart(why)) return;
  gateway_ = std::make_unique<GatewayProcess>();
  tell_gateway();
  slirp_.emplace(plan_.net);
  watch_slirp();
}

void Network::incident(std::string text) {
  callbacks_.event(
      {.kind = report::NetworkEvent::Kind::incident, .time = sys::wall_clock(), .reason = std::move(text)});
}

/// Replacements later on are no stages of the start.
void Network::stage(const char* name) const {
  if (!released_) callbacks_.stage(name);
}

void Network::fail(const std::string& reason) {
  if (std::exchange(failed_, true)) return;
  incident(reason);
  callbacks_.failed(reason);
}

void Network::finish() {
  // Before the gateway, whose end would make it spin; it is reaped later, so that the two end at the same time.
  if (slirp_) slirp_->stop();
  if (!gateway_ || failed_ || !confined_) return;
  gateway_->finish();
  gateway::Message message;
  pollfd control{.fd = gateway_->descriptor(), .events = POLLIN, .revents = 0};
  while (::poll(&control, 1, kFinishLimitMs) > 0) {
    const auto read = gateway_->receive(message);
    if (read == GatewayProcess::Read::end) return;
    if (read == GatewayProcess::Read::nothing) continue;
    if (auto event = network_event(message, sys::wall_clock())) callbacks_.event(*event);
  }
}

}  // namespace claudebox::runtime
