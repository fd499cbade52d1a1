// The box's network seen from outside: slirp4netns, the gateway, the host's networks and name servers, the ports.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "plan/plan.h"
#include "report/network_event.h"
#include "runtime/box_network.h"
#include "runtime/forwards.h"
#include "runtime/gateway_process.h"
#include "runtime/host_networks.h"
#include "runtime/slirp.h"
#include "runtime/upstream.h"
#include "sys/event_loop.h"

namespace claudebox::runtime {

/// What the network tells the supervisor.
struct NetworkCallbacks {
  std::function<void()> ready;                                   ///< once: the command may start
  std::function<void(const std::string& reason)> failed;         ///< it can't be had, or broke for good
  std::function<void(const report::NetworkEvent& event)> event;  ///< for the record of the session
  std::function<void(const char* stage)> stage;                  ///< a stage of the start is over
};

class Network {
 public:
  /// Opens the listeners of --publish and starts slirp4netns and the gateway where the tier has them: their starts take
  /// longest, and need nothing of the box. `upstream` is whom the box's name server asks. Throws; nothing is left then.
  explicit Network(const plan::Plan& plan, UpstreamServers upstream = UpstreamServers());
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network();

  /// Puts everything to work around a box whose outer pid 1 is `box`. `loop` must outlive this. Callbacks are called by the loop only.
  void start(sys::EventLoop& loop, BoxNetwork network, pid_t box, NetworkCallbacks callbacks);

  /// After the box has ended: the last of what was counted becomes events.
  void finish();

 private:
  void tell_gateway();
  void send_prefixes();
  void watch_slirp();
  void unwatch_slirp();
  void restart_slirp(const std::string& why);
  void restart_gateway(const std::string& why);
  bool may_restart(const std::string& what);
  void connect_slirp();
  void look_whether_ready();
  void on_slirp_ready();
  void on_control(std::uint32_t events);
  void on_message(const gateway::Message& message);
  void on_host_change();
  void release();
  void fail(const std::string& reason);
  void incident(std::string text);
  void stage(const char* name) const;
  void guarded(const std::function<void()>& work);

  const plan::Plan& plan_;
  bool gateway_wanted_;
  std::optional<HostNetworks> host_;
  UpstreamServers upstream_;
  std::optional<Slirp> slirp_;
  std::unique_ptr<GatewayProcess> gateway_;
  Forwards forwards_;
  BoxNetwork box_;
  sys::UniqueFd timer_;

  sys::EventLoop* loop_ = nullptr;
  NetworkCallbacks callbacks_;
  std::chrono::steady_clock::time_point connect_by_;
  std::deque<std::chrono::steady_clock::time_point> restarts_;
  std::map<net::Grant, std::chrono::steady_clock::time_point> grants_;  ///< with when they were last given
  int looks_left_ = 0;  ///< until what is not ready is given up
  bool connected_ = false;
  bool slirp_ready_ = false;
  bool confined_ = false;
  bool prefixes_due_ = false;
  bool released_ = false;
  bool failed_ = false;
};

}  // namespace claudebox::runtime
