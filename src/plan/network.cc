#include <algorithm>

#include "net/address.h"
#include "net/name_pattern.h"
#include "net/resolv_conf.h"
#include "net/special_purpose.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

using base::ExitCode;

constexpr const char* kTun = "/dev/net/tun";

/// The same grant given twice is one grant; the first says where it comes from.
template <class Grant, class Same>
std::vector<Grant> without_repetitions(const std::vector<Grant>& grants, Same same) {
  std::vector<Grant> out;
  for (const auto& grant : grants)
    if (std::none_of(out.begin(), out.end(), [&](const Grant& other) { return same(other, grant); }))
      out.push_back(grant);
  return out;
}

void take_grants(const Request& request, Network& net) {
  net.allow =
      without_repetitions(request.allow, [](const auto& a, const auto& b) { return a.pattern == b.pattern; });
  net.lan = without_repetitions(request.lan, [](const auto& a, const auto& b) {
    return a.prefix == b.prefix && a.name == b.name && a.port == b.port;
  });
  net.publish = request.publish;
  net.reach =
      without_repetitions(request.reach, [](const auto& a, const auto& b) { return a.port == b.port; });
}

/// What else there is to do than to mend the machine.
std::string other_tiers() {
  return "\n--network offline works without; --network full is the host's own network, local network included"
         "\nclaudebox check says what this machine lacks";
}

void find_slirp(const sys::HostView& host, Plan& plan, base::Diagnostics& problems) {
  const auto found = find_program(host, "slirp4netns");
  if (found) {
    plan.net.slirp = host.real_path(*found).value_or(*found);
    return;
  }
  problems.add(
      std::string("the tier ") + tier_name(plan.network.value) +
          " needs slirp4netns, and it is not installed",
      "install the package slirp4netns (sudo apt-get install slirp4netns, or what your system has for "
      "apt-get)" +
          other_tiers(),
      ExitCode::setup);
}

void look_at_tun(const sys::HostView& host, const Plan& plan, base::Diagnostics& problems) {
  const std::string needs = std::string("the tier ") + tier_name(plan.network.value) + " needs " + kTun;
  if (host.stat(kTun).kind != sys::FileKind::device)
    problems.add(needs + ", and it is not there", "sudo modprobe tun" + other_tiers(), ExitCode::setup);
  else if (!host.writable(kTun))
    problems.add(needs + ", and you may not open it",
                 std::string("sudo chmod 0666 ") + kTun +
                     "   (what udev makes it; it gives no rights by itself)" + other_tiers(),
                 ExitCode::setup);
}

void note(Plan& plan, Note::Level level, std::string text, const base::Origin& origin) {
  plan.notes.push_back({level, std::move(text), origin});
}

void add_notes(const sys::HostView& host, Plan& plan) {
  for (const auto& allowed : plan.net.allow) {
    const auto pattern = net::NamePattern::parse(allowed.pattern);
    if (pattern && pattern->wildcard && pattern->name.find('.') == std::string::npos)
      note(plan, Note::Level::warning,
           allowed.pattern + " allows every name of that top-level domain, whoever has it", allowed.origin);
  }
  for (const auto& destination : plan.net.lan) {
    const auto prefix = net::Prefix::parse(destination.prefix);
    if (prefix && net::holds_metadata(*prefix))
      note(plan, Note::Level::info,
           "cloud metadata addresses stay closed, also those in " + destination.prefix, destination.origin);
  }
  const auto of_host = net::parse_resolv_conf(host.read_file("/etc/resolv.conf").value_or(""));
  if (of_host.servers.empty())
    note(plan, Note::Level::warning,
         "this host has no name server in /etc/resolv.conf, so the box can't look up names until it has one",
         {base::Origin::Kind::detected, "/etc/resolv.conf", "the gateway asks the host's name servers"});
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
  take_grants(request, plan.net);
  if (!plan.has_gateway()) return;
  find_slirp(host, plan, problems);
  look_at_tun(host, plan, problems);
  add_notes(host, plan);
}

}  // namespace claudebox::plan
