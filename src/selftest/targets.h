// Destinations that a box's gateway must refuse, and its reports as the witness that it did.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "net/policy.h"
#include "plan/plan.h"
#include "report/network_event.h"
#include "selftest/run.h"
#include "sys/host_view.h"

namespace claudebox::selftest {

/// One destination, tried once over each protocol.
struct Target {
  std::string claim{};     ///< the row that it belongs to
  std::string protocol{};  ///< "tcp" or "udp"
  net::Address address{};
  std::uint16_t port = 0;
  bool operator==(const Target&) const = default;
};

/// What the probe shall try in a box with a gateway, none in any other; `host` and `prefixes` say what this machine has,
/// `loopback_ports` where the selftest listens on its loopback. Nothing is searched for: each address is one that this
/// machine is known to have, or one stands for a whole range. What the plan opens with --lan is left out. Pure.
std::vector<Target> network_targets(const plan::Plan& plan, const sys::HostView& host,
                                    const std::vector<net::HostPrefix>& prefixes,
                                    std::span<const std::uint16_t> loopback_ports);

/// The probe's arguments about them: "network.own=tcp 192.0.2.1 9".
std::vector<std::string> target_facts(const std::vector<Target>& targets);

/// A row holds only where the gateway itself says of every target that it refused it: a destination where nobody
/// answers looks the same from inside. Changes such rows to broken. `names` are those that it must have refused, by row.
struct RefusedName {
  std::string claim{};
  std::string name{};
  std::string result{};  ///< of report::NetworkEvent
};
void require_witness(std::vector<Row>& rows, const std::vector<Target>& targets,
                     const std::vector<RefusedName>& names, const std::vector<report::NetworkEvent>& events);

}  // namespace claudebox::selftest
