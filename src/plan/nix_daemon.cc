// The socket of the Nix daemon (NET-4). Who may talk to it builds outside the box: a fixed-output derivation has this
// machine's network, whatever the tier, and every path of the store can be read, mounted or not. For a user whom the
// daemon trusts it is root: such a client names programs that the daemon runs as root (post-build-hook, and builders with
// the build sandbox off). Nothing that the box could be given takes that away, so it is said, or refused.
#include "base/path.h"
#include "plan/nix_conf.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

using base::ExitCode;

constexpr const char* kStore = "/nix/store";
/// The directory and not the socket: a daemon that is started anew makes another socket.
constexpr const char* kSocketDirectory = "/nix/var/nix/daemon-socket";
constexpr const char* kSocket = "/nix/var/nix/daemon-socket/socket";

/// Why the daemon may not be granted to this user; says it and gives false.
bool may_be_granted(const sys::HostView& host, base::Diagnostics& problems) {
  const std::string leave = "leave --nix-daemon out: packages of the host's own profile work without";
  if (host.identity().uid == 0) {
    problems.add(
        "--nix-daemon: the Nix daemon trusts root, and a box of root's would be root on this machine",
        "run claudebox as an ordinary user", ExitCode::setup);
    return false;
  }
  const NixTrust trust = nix_trust(host);
  if (!trust.unreadable.empty()) {
    problems.add(
        "--nix-daemon: can't tell whether the Nix daemon trusts you: " + trust.unreadable + " can't be read",
        "make it readable, or " + leave, ExitCode::setup);
    return false;
  }
  const std::string entry = trusted_as(host, trust.users);
  if (entry.empty()) return true;
  problems.add("--nix-daemon: the Nix daemon trusts you (trusted-users has " + entry +
                   " in nix.conf), so a box with its socket would be root on this machine",
               "take yourself out of trusted-users and restart the daemon, or " + leave, ExitCode::setup);
  return false;
}

void mount(const sys::HostView& host, Plan& plan, const char* path) {
  plan.mounts.push_back({.kind = Mount::Kind::read_only,
                         .target = path,
                         .source = host.real_path(path).value_or(path),
                         .purpose = Purpose::extra,
                         .origin = *plan.nix_daemon});
}

}  // namespace

bool leads_to_nix_daemon(const std::string& source) {
  return source != "/" &&
         (base::is_within(source, kSocketDirectory) || base::is_within(kSocketDirectory, source));
}

void plan_nix_daemon(const Request& request, const sys::HostView& host, Plan& plan,
                     base::Diagnostics& problems) {
  if (!request.nix_daemon) {
    if (request.nix_daemon_network)
      problems.add("--nix-daemon-network goes with --nix-daemon", "give both, or neither");
    return;
  }
  const Tier tier = plan.network.value;
  if ((tier == Tier::offline || tier == Tier::allowlist) && !request.nix_daemon_network)
    problems.add(
        std::string("--nix-daemon: builds of the Nix daemon have this machine's network, so the tier ") +
            tier_name(tier) + " does not hold for what the box has built",
        "add --nix-daemon-network if that is what you want");
  if (host.stat(kSocket).kind != sys::FileKind::socket) {
    problems.add(std::string("--nix-daemon: there is no Nix daemon here: ") + kSocket + " is not a socket",
                 "start it (systemctl start nix-daemon), or leave --nix-daemon out", ExitCode::setup);
    return;
  }
  if (!may_be_granted(host, problems)) return;
  plan.nix_daemon = request.nix_daemon;
  mount(host, plan, kStore);
  mount(host, plan, kSocketDirectory);
}

}  // namespace claudebox::plan
