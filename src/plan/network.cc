// The box's network: what leaves it, and by what program.
#include "base/path.h"
#include "net/resolv_conf.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

constexpr const char* kOtherTiers = "--network offline and --network full work without it";

/// The first slirp4netns on the caller's PATH, with links resolved: it is executed where some of the host's directories
/// are hidden.
std::string find_slirp(const sys::HostView& host) {
  const std::string path = host.variable("PATH").value_or("") + ":/usr/bin:/usr/local/bin:";
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = path.find(':', at);
    const std::string candidate = path.substr(at, end - at) + "/slirp4netns";
    if (candidate.starts_with('/') && host.stat(candidate).kind == sys::FileKind::file &&
        host.executable(candidate))
      return host.real_path(candidate).value_or(candidate);
    at = end + 1;
  }
  return {};
}

void require_tun(const sys::HostView& host, const std::string& tier, base::Diagnostics& problems) {
  const std::string device = "/dev/net/tun";
  if (!host.stat(device).exists())
    problems.add("the tier " + tier + " needs " + device + ", and it is not there",
                 std::string("sudo modprobe tun loads the kernel's part\n") + kOtherTiers,
                 base::ExitCode::setup);
  else if (!host.writable(device))
    problems.add(
        "the tier " + tier + " needs " + device + ", and you may not open it",
        std::string("sudo chmod 0666 ") + device + " opens it, as udev does elsewhere\n" + kOtherTiers,
        base::ExitCode::setup);
}

void require_parts(const sys::HostView& host, Plan& plan, base::Diagnostics& problems) {
  const std::string tier = tier_name(plan.network.value);
  plan.net.slirp = find_slirp(host);
  if (plan.net.slirp.empty())
    problems.add("the tier " + tier + " needs slirp4netns, and it is not installed",
                 std::string("install it: sudo apt-get install slirp4netns\n") + kOtherTiers,
                 base::ExitCode::setup);
  require_tun(host, tier, problems);
}

}  // namespace

std::string resolver_file(const sys::HostView& host, const Plan& plan) {
  if (!plan.has_gateway()) return "# no network in this box\n";
  const auto conf = net::parse_resolv_conf(host.read_file("/etc/resolv.conf").value_or(""));
  return net::box_resolv_conf(conf, net::Address::parse(plan.net.resolver).value_or(net::Address()));
}

void plan_network(const Request& request, const sys::HostView& host, Plan& plan,
                  base::Diagnostics& problems) {
  plan.network = request.network;
  plan.net.allow = request.allow;
  plan.net.lan = request.lan;
  plan.net.publish = request.publish;
  plan.net.reach = request.reach;
  if (plan.has_gateway()) require_parts(host, plan, problems);
}

}  // namespace claudebox::plan
