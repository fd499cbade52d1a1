// Theory of operation
//
// A plan becomes a box in numbered steps. Each is undone by the destructor of what it made, in reverse order;
// a step that fails throws, and nothing of the command has run by then.
//   1 signals are blocked, so that none is lost between here and the supervisor's loop; SIGPIPE is ignored, because a
//     part of the box, or whoever reads standard error, may be gone at any write
//   2 what later runs on the host is remembered for the comparison at the end
//   3 stubs are made, then watched names are watched: before the box exists
//   4 the box's cgroup is made, where its limits take one: first, since claudebox itself may have to move
//   5 the login is read; slirp4netns and the gateway are started, where the tier has them: nothing takes longer, and they need nothing of the box
//   6 the child makes the outer namespaces, prepares the box's root there, hands out what belongs to the box's network,
//     and becomes bwrap
//   7 the supervisor puts the network to work, lets the command start when it is ready, and waits for the end
#include "runtime/launch.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <cerrno>

#include "base/error.h"
#include "plan/bwrap_args.h"
#include "runtime/box_cgroup.h"
#include "runtime/box_child.h"
#include "runtime/guard.h"
#include "runtime/login_broker.h"
#include "runtime/login_store.h"
#include "runtime/network.h"
#include "runtime/new_repositories.h"
#include "runtime/stubs.h"
#include "runtime/supervisor.h"
#include "runtime/sweep.h"
#include "runtime/terminal.h"
#include "sys/clock.h"
#include "sys/fd_passing.h"
#include "sys/seccomp.h"

namespace claudebox::runtime {
namespace {

/// The command gets back what was before, of both.
class HeldSignals {
 public:
  HeldSignals() {
    const sigset_t set = supervised_signals();
    ::sigprocmask(SIG_BLOCK, &set, &mask_);
    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, &pipe_);
  }
  ~HeldSignals() {
    ::sigaction(SIGPIPE, &pipe_, nullptr);
    ::sigprocmask(SIG_SETMASK, &mask_, nullptr);
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  const sigset_t& mask() const { return mask_; }
  const struct sigaction& pipe() const { return pipe_; }

 private:
  sigset_t mask_{};
  struct sigaction pipe_{};
};

/// bwrap's whole command line: its options come by descriptor, so that no value of a variable shows in ps.
class CommandLine {
 public:
  /// bwrap waits for a byte on `block` before it executes the command. It takes an end of file for one, too, so this
  /// only puts things in order: that nothing runs when claudebox is gone is the work of the outer pid namespace.
  CommandLine(const plan::Plan& plan, int options, int status, int block) {
    words_ = {plan.bwrap, "--args", std::to_string(options), "--json-status-fd", std::to_string(status)};
    if (block >= 0) words_.insert(words_.end(), {"--block-fd", std::to_string(block)});
    words_.emplace_back("--");
    words_.insert(words_.end(), plan.command.argv.begin(), plan.command.argv.end());
    for (auto& word : words_) pointers_.push_back(word.data());
    pointers_.push_back(nullptr);
  }
  char* const* get() const { return pointers_.data(); }

 private:
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};

/// bwrap's options as `--args` reads them, each ended by a NUL.
std::string options_text(const plan::Plan& plan, int filter) {
  std::string out;
  auto words = plan::bwrap_launch_options(plan, kBoxRoot);
  words.insert(words.end(), {"--add-seccomp-fd", std::to_string(filter)});
  for (const auto& word : words) {
    if (word.find('\0') != std::string::npos)
      throw base::Error("a NUL byte in an option for bwrap", "paths and values can't hold NUL bytes");
    (out += word) += '\0';
  }
  return out;
}

std::string id_map(unsigned inside, unsigned outside) {
  return std::to_string(inside) + " " + std::to_string(outside) + " 1";
}

void tell_incident(const RunOptions& options, const std::string& what) {
  if (options.on_event)
    options.on_event(
        {.kind = report::NetworkEvent::Kind::incident, .time = sys::wall_clock(), .reason = what});
}

std::vector<ResourceLimit> resource_limits(const plan::Limits& limits) {
  std::vector<ResourceLimit> out;
  for (const auto& limit : limits.all) {
    if (limit.by != plan::Limit::By::resource) continue;
    switch (limit.kind) {
      case plan::LimitKind::memory:
        out.push_back({RLIMIT_DATA, limit.amount});
        break;
      case plan::LimitKind::processes:
        out.push_back({RLIMIT_NPROC, limit.amount});
        break;
      case plan::LimitKind::open_files:
        out.push_back({RLIMIT_NOFILE, limit.amount});
        break;
      case plan::LimitKind::cpu:
        throw base::Error("no resource limit bounds the processor share");
    }
  }
  return out;
}

/// What the mode of the login needs while the box lives; at most one of them.
struct BoxLogin {
  explicit BoxLogin(const plan::Login& login) {
    if (login.mode.value == plan::LoginMode::broker) broker.emplace(login);
    if (login.mode.value == plan::LoginMode::store) store.emplace(login);
  }
  void start(sys::EventLoop& loop, int socket, const RunOptions& options) {
    const auto tell = [&options](const std::string& what) { tell_incident(options, what); };
    if (broker) broker->start(loop, take_login_memory(socket), tell);
    if (store) store->start(loop, tell);
  }

  std::optional<LoginBroker> broker;
  std::optional<LoginStore> store;
};

void set_non_blocking(int descriptor) {
  ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
}

}  // namespace

report::Outcome run(const plan::Plan& plan, const RunOptions& run_options) {
  const auto stage = [&](const char* name) {
    if (run_options.on_stage) run_options.on_stage(name);
  };
  const HeldSignals held;
  const Snapshot before(plan.sweeps);
  NewRepositories repositories(plan);
  const Stubs stubs(plan.stubs);
  Guard guard(plan.watches);
  Terminal terminal;
  stage("protections");
  const BoxCgroup cgroup(plan.limits);
  const std::vector<ResourceLimit> limits = resource_limits(plan.limits);
  sys::EventLoop loop;
  BoxLogin login(plan.login);
  Network network(plan, UpstreamServers(run_options.name_servers.resolv_conf, run_options.name_servers.port));
  if (plan.has_gateway()) stage("slirp4netns cloned");

  const RootSteps root(plan, !run_options.capture);
  const sys::UniqueFd filter = sys::make_memory_file("claudebox-seccomp", sys::box_seccomp_filter());
  const sys::UniqueFd options_file =
      sys::make_memory_file("claudebox-bwrap-options", options_text(plan, filter.get()));
  sys::Pipe status = sys::make_pipe();
  set_non_blocking(status.read.get());
  sys::Pipe output;
  if (run_options.capture) {
    output = sys::make_pipe();
    set_non_blocking(output.read.get());
  }
  sys::Pipe errors;
  if (run_options.capture_errors) {
    errors = sys::make_pipe();
    set_non_blocking(errors.read.get());
  }
  sys::Pipe block;
  if (plan.has_gateway()) block = sys::make_pipe();

  const CommandLine command(plan, options_file.get(), status.write.get(), block.read.get());
  std::vector<int> inherited = {options_file.get(), filter.get(), status.write.get()};
  if (block.read) inherited.push_back(block.read.get());
  const std::string outer_uid_map = id_map(0, plan.uid);
  const std::string outer_gid_map = id_map(0, plan.gid);
  const std::string uid_map = id_map(plan.uid, 0);
  const std::string gid_map = id_map(plan.gid, 0);
  std::vector<std::uint16_t> reach;
  for (const auto& port : plan.net.reach) reach.push_back(port.port);
  const sys::SocketPair hand_over = sys::make_socket_pair();
  const BoxNetworkSpec box_network = make_box_network_spec(plan, reach, hand_over.second.get());
  const sys::SocketPair login_hand_over = login.broker ? sys::make_socket_pair() : sys::SocketPair{};
  const LoginMemorySpec login_memory{.name = plan.login.file.c_str(),
                                     .content = login.broker ? login.broker->content().c_str() : "",
                                     .length = login.broker ? login.broker->content().size() : 0,
                                     .descriptors = login_hand_over.second.get()};
  const BoxChildSpec spec{.program = plan.bwrap.c_str(),
                          .arguments = command.get(),
                          .outer_uid_map = outer_uid_map.c_str(),
                          .outer_gid_map = outer_gid_map.c_str(),
                          .uid_map = uid_map.c_str(),
                          .gid_map = gid_map.c_str(),
                          .inherited = inherited.data(),
                          .inherited_count = inherited.size(),
                          .signal_mask = &held.mask(),
                          .pipe_action = &held.pipe(),
                          .standard_output = run_options.capture ? output.write.get() : -1,
                          .standard_error = run_options.capture_errors ? errors.write.get() : -1,
                          .network = plan.own_network() ? &box_network : nullptr,
                          .root = &root,
                          .login = login.broker ? &login_memory : nullptr,
                          .cgroup = cgroup.processes(),
                          .limits = limits.data(),
                          .limit_count = limits.size(),
                          .scope_abstract_sockets = plan.scope_abstract_sockets};
  const BoxChild child = start_box_child(spec);
  status.write.reset();
  output.write.reset();
  errors.write.reset();
  block.read.reset();
  stage("namespaces");

  login.start(loop, login_hand_over.first.get(), run_options);

  report::Outcome outcome =
      supervise({.loop = &loop,
                 .child = &child,
                 .status_pipe = status.read.get(),
                 .output_pipe = output.read.get(),
                 .error_pipe = errors.read.get(),
                 .own_session = plan.new_session,
                 .guard = &guard,
                 .terminal = &terminal,
                 .network = &network,
                 .box_network = take_box_network(hand_over.first.get(), box_network),
                 .block_pipe = block.write.get(),
                 .renewing = [&login] { return login.store && login.store->renewing(); },
                 .options = &run_options});
  if (login.store) login.store->finish();
  outcome.out_of_memory = cgroup.out_of_memory();
  if (!outcome.out_of_memory.empty()) tell_incident(run_options, outcome.out_of_memory);
  outcome.findings = before.compare();
  for (auto& finding : repositories.find()) outcome.findings.push_back(std::move(finding));
  return outcome;
}

}  // namespace claudebox::runtime
