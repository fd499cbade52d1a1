#include "cli/network_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "net/name_pattern.h"
#include "net/special_purpose.h"
#include "plan/plan.h"

namespace claudebox::cli {
namespace {

using base::Origin;
using plan::Tier;

struct TierName {
  std::string_view name;
  Tier tier;
};
/// The last three are older spellings.
constexpr auto kTiers = std::to_array<TierName>({{"full", Tier::full},
                                                 {"internet", Tier::internet},
                                                 {"allowlist", Tier::allowlist},
                                                 {"offline", Tier::offline},
                                                 {"inet", Tier::internet},
                                                 {"internet-only", Tier::internet},
                                                 {"none", Tier::offline}});

constexpr const char* kChoose =
    "--network internet   everything public, nothing private (the default)\n"
    "--network allowlist  the hosts of --allow and nothing else\n"
    "--network offline    a loopback of the box's own\n"
    "--network full       the host's network, with all that it reaches";

Origin flag(const std::string& option, const std::string& value) {
  return {Origin::Kind::flag, option + " " + value, "asked for"};
}

std::optional<Tier> parse_tier(const std::string& typed, base::Diagnostics& problems) {
  for (const auto& [name, tier] : kTiers)
    if (typed == name) return tier;
  const std::vector<std::string> names = {"full", "internet", "allowlist", "offline"};
  const auto near = base::nearest(typed, names);
  problems.add("unknown network tier '" + typed + "'",
               (near ? "did you mean " + *near + "?\n" : std::string()) + kChoose);
  return std::nullopt;
}

void choose_tier(const LowArgs& low, const sys::HostView& host, plan::Request& request,
                 base::Diagnostics& problems) {
  std::optional<std::string> typed = low.network;
  request.network.origin = flag("--network", typed.value_or(""));
  if (!typed) {
    typed = host.variable("CLAUDEBOX_NETWORK");
    request.network.origin = {Origin::Kind::environment, "CLAUDEBOX_NETWORK", "asked for"};
  }
  if (typed) {
    if (const auto tier = parse_tier(*typed, problems)) request.network.value = *tier;
  } else if (low.verb == Verb::selftest) {
    request.network = {Tier::offline, {Origin::Kind::builtin, "default", "the self-test needs no network"}};
  } else {
    request.network = {Tier::internet, {Origin::Kind::builtin, "default", "what most work needs"}};
  }
}

/// 1 to 65535, digits only.
std::optional<std::uint16_t> parse_port(std::string_view typed) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(typed.data(), typed.data() + typed.size(), port);
  if (error != std::errc{} || end != typed.data() + typed.size() || port == 0) return std::nullopt;
  return port;
}

void add_allowed(const std::string& typed, plan::Request& request, base::Diagnostics& problems) {
  if (const auto pattern = net::NamePattern::parse(typed)) {
    if (net::Address::parse(typed))
      return problems.add("--allow " + typed + " is an address", "--lan " + typed + " opens an address");
    request.allow.push_back({pattern->to_string(), flag("--allow", typed)});
    return;
  }
  problems.add(
      "--allow " + base::escape_for_terminal(typed) + " is no name of a host",
      "--allow example.org is that name, --allow '*.example.org' every name below it; no port, no URL");
}

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
/// "HOST", "HOST:PORT", "[V6]:PORT"; an IPv6 address alone has colons of its own.
std::optional<HostPort> split_host_port(const std::string& typed) {
  if (typed.starts_with('[')) {
    const std::size_t close = typed.find(']');
    if (close == std::string::npos) return std::nullopt;
    HostPort out{.host = typed.substr(1, close - 1)};
    const std::string rest = typed.substr(close + 1);
    if (rest.empty()) return out;
    const auto port = rest.front() == ':' ? parse_port(rest.substr(1)) : std::nullopt;
    if (!port) return std::nullopt;
    out.port = *port;
    return out;
  }
  const std::size_t colon = typed.find(':');
  if (colon == std::string::npos || typed.find(':', colon + 1) != std::string::npos)
    return HostPort{.host = typed};
  const auto port = parse_port(typed.substr(colon + 1));
  return port ? std::optional<HostPort>({typed.substr(0, colon), *port}) : std::nullopt;
}

/// Why a prefix can't be opened; empty where it can.
std::string refusal_of(const net::Prefix& prefix, std::string& hint) {
  const auto within = [&](const char* text) { return net::Prefix::parse(text)->overlaps(prefix); };
  if (within("127.0.0.0/8") || within("::1/128")) {
    hint = "--reach PORT brings one port of this machine's loopback into the box";
    return "is this machine's loopback, or holds it";
  }
  const bool single = prefix == net::Prefix::host(prefix.address);
  if (single && net::is_metadata(prefix.address)) {
    hint =
        "it hands out the machine's own credentials, so nothing opens it; --network full is the whole host's "
        "network";
    return "is a cloud metadata service";
  }
  if (net::is_group(prefix.address)) {
    hint = "multicast does not leave a box; --network full is the host's network";
    return "is multicast";
  }
  if (within("198.51.100.0/24") || within("fd00::/64")) {
    hint = "the box uses addresses from there itself (198.51.100.0/24 and fd00::/64)";
    return "can't be told from the box's own network";
  }
  if (prefix.length < 8) {
    hint = "name the network that you need; --network full is the whole host's network";
    return "is too much at once";
  }
  return {};
}

void add_lan(const std::string& typed, plan::Request& request, base::Diagnostics& problems) {
  const std::string form = "--lan ADDR[/LEN][:PORT] or --lan NAME[:PORT]; IPv6 with a port as [ADDR]:PORT";
  const auto split = split_host_port(typed);
  if (!split) return problems.add("can't understand --lan " + base::escape_for_terminal(typed), form);
  plan::LanDestination destination{
      .prefix = {}, .name = {}, .port = split->port, .origin = flag("--lan", typed)};
  if (const auto prefix = net::Prefix::parse(split->host)) {
    std::string hint;
    if (const std::string why = refusal_of(*prefix, hint); !why.empty())
      return problems.add("--lan " + typed + " " + why, hint);
    destination.prefix = prefix->to_string();
  } else if (const auto name = net::normalize_name(split->host)) {
    destination.name = *name;
  } else {
    return problems.add("can't understand --lan " + base::escape_for_terminal(typed), form);
  }
  request.lan.push_back(std::move(destination));
}

void add_published(const std::string& typed, plan::Request& request, base::Diagnostics& problems) {
  const std::size_t colon = typed.find(':');
  const auto box_port = parse_port(typed.substr(colon == std::string::npos ? 0 : colon + 1));
  const auto host_port = colon == std::string::npos ? box_port : parse_port(typed.substr(0, colon));
  if (!box_port || !host_port)
    return problems.add("can't understand --publish " + base::escape_for_terminal(typed),
                        "--publish [HOSTPORT:]PORT, each from 1 to 65535");
  const bool twice = std::any_of(request.publish.begin(), request.publish.end(),
                                 [&](const auto& other) { return other.host_port == *host_port; });
  if (twice)
    return problems.add("port " + std::to_string(*host_port) + " of the host is published twice",
                        "keep one of the two");
  request.publish.push_back({*host_port, *box_port, flag("--publish", typed)});
}

void add_reached(const std::string& typed, plan::Request& request, base::Diagnostics& problems) {
  const auto port = parse_port(typed);
  if (!port)
    return problems.add("can't understand --reach " + base::escape_for_terminal(typed),
                        "--reach PORT, from 1 to 65535");
  const bool twice = std::any_of(request.reach.begin(), request.reach.end(),
                                 [&](const auto& other) { return other.port == *port; });
  if (!twice) request.reach.push_back({*port, flag("--reach", typed)});
}

void check_tier_fits(const plan::Request& request, base::Diagnostics& problems) {
  const Tier tier = request.network.value;
  const std::string name = plan::tier_name(tier);
  if (tier == Tier::allowlist && request.allow.empty() && request.lan.empty())
    problems.add("--network allowlist without a host",
                 "--allow HOST grants one; --network offline is no network at all");
  if (tier != Tier::allowlist && !request.allow.empty())
    problems.add("--allow means nothing in the tier " + name,
                 tier == Tier::internet ? "--network allowlist limits the box to the hosts of --allow"
                                        : "it goes with --network allowlist");
  if ((tier == Tier::full || tier == Tier::offline) && !request.lan.empty())
    problems.add("--lan means nothing in the tier " + name,
                 tier == Tier::full ? "full reaches your local network already"
                                    : "it goes with --network internet and --network allowlist");
  if (tier == Tier::full && (!request.publish.empty() || !request.reach.empty()))
    problems.add("--publish and --reach mean nothing in the tier full",
                 "the box shares the host's ports there");
  for (const auto& reached : request.reach)
    for (const auto& published : request.publish)
      if (reached.port == published.box_port)
        problems.add("port " + std::to_string(reached.port) + " of the box is both published and reached",
                     "a port is either the box's own server or the host's");
}

}  // namespace

void request_network(const LowArgs& low, const sys::HostView& host, plan::Request& request,
                     base::Diagnostics& problems) {
  const bool before = problems.empty();
  choose_tier(low, host, request, problems);
  for (const auto& typed : low.allow) add_allowed(typed, request, problems);
  for (const auto& typed : low.lan) add_lan(typed, request, problems);
  for (const auto& typed : low.publish) add_published(typed, request, problems);
  for (const auto& typed : low.reach) add_reached(typed, request, problems);
  // Whether they fit the tier says nothing new where one of them was not understood.
  if (before == problems.empty()) check_tier_fits(request, problems);
}

}  // namespace claudebox::cli
