// The audit's network: what the tier reaches and what not, and what was opened by name.
#include <algorithm>

#include "render/sections.h"
#include "render/sensitive.h"

namespace claudebox::render {
namespace {

using plan::Tier;

std::string reach_of(const plan::Plan& plan) {
  switch (plan.network.value) {
    case Tier::full:
      return std::string(
                 "everything this host reaches: the internet, the LAN, VPNs, services on the host's own "
                 "loopback, cloud metadata") +
             (plan.scope_abstract_sockets ? "" : ", and the host's abstract sockets");
    case Tier::internet:
      return "every public address, IPv4 and IPv6";
    case Tier::allowlist:
      return "the hosts below by their names, and nothing else";
    case Tier::offline:
      return plan.nix_daemon ? "what the Nix daemon's builds reach; itself nothing but its own loopback"
                             : "nothing but the box's own loopback";
  }
  return {};
}

/// What people may expect and do not get; empty where there is nothing to say.
std::string closed_of(const plan::Plan& plan) {
  switch (plan.network.value) {
    case Tier::full:
      return plan.scope_abstract_sockets ? "the host's abstract sockets" : "";
    case Tier::internet:
      return "your local network, VPNs, this machine, cloud metadata, as they are now or become";
    case Tier::allowlist:
      return "other names, which are not even looked up, and addresses that no name led to";
    case Tier::offline:
      return "";
  }
  return {};
}

std::string port_text(std::uint16_t port) {
  return std::to_string(port);
}

}  // namespace

Role color_of(Tier tier) {
  return tier == Tier::full ? Role::warning : Role::good;
}

/// Side by side, or one by one with where each comes from.
void Audit::allowed_hosts() {
  if (one_by_one()) {
    for (const auto& allowed : plan_.net.allow)
      grant({{"allowed"}}, {{allowed.pattern}}, {}, &allowed.origin);
    return;
  }
  Line line;
  for (const auto& allowed : plan_.net.allow) line.push_back({(line.empty() ? "" : "  ") + allowed.pattern});
  if (!line.empty()) grant({{"allowed"}}, line, {}, nullptr);
}

void Audit::ports() {
  for (const auto& [host_port, box_port, origin] : plan_.net.publish)
    grant({{"published"}},
          {{"port " + port_text(box_port) + " of the box, at localhost:" + port_text(host_port) +
            " of this machine"}},
          {}, &origin);
  for (const auto& reached : plan_.net.reach) {
    const std::string danger = reach_danger(reached);
    const Role role = danger.empty() ? Role::plain : Role::danger;
    grant({{"reached"}},
          {{"port " + port_text(reached.port) + " of this machine, at localhost:" + port_text(reached.port) +
                " in the box",
            role}},
          danger.empty() ? std::vector<std::string>() : std::vector<std::string>{danger}, &reached.origin);
  }
}

void Audit::network() {
  heading("network", {{plan::tier_name(plan_.network.value), color_of(plan_.network.value)}});
  because(plan_.network.origin);
  fact("reaches", {{reach_of(plan_)}});
  if (const std::string closed = closed_of(plan_); !closed.empty()) fact("but not", {{closed}});
  allowed_hosts();
  for (const auto& lan : plan_.net.lan) {
    const std::string where = lan.prefix.empty() ? lan.name : lan.prefix;
    grant({{"lan"}}, {{where + (lan.port == 0 ? "" : " port " + port_text(lan.port)), Role::danger}},
          {lan_danger(lan)}, &lan.origin);
  }
  if (plan_.nix_daemon)
    grant({{"nix daemon"}}, {{"its socket, and /nix/store", Role::danger}}, nix_daemon_dangers(),
          &*plan_.nix_daemon);
  ports();
}

}  // namespace claudebox::render
