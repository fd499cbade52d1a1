#include "profile/network_grants.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "net/address.h"
#include "net/name_pattern.h"

namespace claudebox::profile {
namespace {

using plan::Tier;

struct TierName {
  std::string_view name;
  Tier tier;
};
/// The last three are older spellings.
constexpr auto kTiers = std::to_array<TierName>({{"internet", Tier::internet},
                                                 {"allowlist", Tier::allowlist},
                                                 {"offline", Tier::offline},
                                                 {"full", Tier::full},
                                                 {"inet", Tier::internet},
                                                 {"internet-only", Tier::internet},
                                                 {"none", Tier::offline}});

std::string choose(const Typed& typed) {
  return typed.form("internet   everything public, nothing of your network or this machine (the default)\n") +
         typed.form("allowlist  the hosts that --allow names, and nothing else\n") +
         typed.form("offline    no network but a loopback of the box's own\n") +
         typed.form("full       the host's network: your local network and this machine's services too");
}

/// 1 to 65535, in digits.
std::optional<std::uint16_t> parse_port(std::string_view typed) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(typed.data(), typed.data() + typed.size(), port);
  if (error != std::errc() || end != typed.data() + typed.size() || port == 0) return std::nullopt;
  return port;
}

/// No top-level domain is a number, so what ends like this is an address that got misspelt (10.0.0, 0x7f.1).
bool ends_in_number(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? name : name.substr(dot + 1);
  if (last.starts_with("0x")) return true;
  return !last.empty() && std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_this_machine(std::string_view name) {
  return name == "localhost" || name.ends_with(".localhost");
}

/// What is left of a URL or of NAME:PORT.
std::string host_in(std::string_view typed) {
  if (const auto scheme = typed.find("://"); scheme != std::string_view::npos)
    typed.remove_prefix(scheme + 3);
  typed = typed.substr(0, typed.find_first_of("/?#"));
  if (const auto user = typed.find('@'); user != std::string_view::npos) typed.remove_prefix(user + 1);
  return std::string(typed.substr(0, typed.find(':')));
}

/// What to do about an --allow that names no host.
std::string allow_hint(const std::string& typed) {
  if (typed == "*") return "--network internet reaches every public host";
  if (net::Prefix::parse(typed) || ends_in_number(typed) || typed.starts_with('['))
    return "names are allowed, and the addresses that they lead to; --lan opens an address";
  const std::string host = host_in(typed);
  if (host != typed && net::NamePattern::parse(host))
    return "the name alone, which opens every port of it: --allow " + host;
  return "--allow NAME or --allow '*.NAME', for every name below it; an international name is written as "
         "xn--…";
}

struct Split {
  std::string_view where;
  std::optional<std::string_view> port;
};

/// At the colon before a port. Several colons without brackets are an IPv6 address.
Split split_port(std::string_view typed) {
  if (typed.starts_with('[')) {
    const std::size_t close = typed.find(']');
    if (close == std::string_view::npos) return {typed, std::nullopt};
    const std::string_view rest = typed.substr(close + 1);
    if (rest.empty()) return {typed.substr(1, close - 1), std::nullopt};
    return {typed.substr(1, close - 1), rest.starts_with(':') ? rest.substr(1) : std::string_view()};
  }
  const std::size_t colon = typed.find(':');
  if (colon == std::string_view::npos || colon != typed.rfind(':')) return {typed, std::nullopt};
  return {typed.substr(0, colon), typed.substr(colon + 1)};
}

std::string lan_hint(const std::string& typed) {
  if (typed.find('%') != std::string::npos)
    return "a box has none of the host's interfaces: use an address of that machine that is not link-local";
  return "--lan ADDR[/LEN][:PORT] or --lan NAME[:PORT]; an IPv6 address with a port is written [ADDR]:PORT";
}

}  // namespace

std::optional<Tier> parse_tier(const Typed& typed, base::Diagnostics& problems) {
  std::vector<std::string> names;
  for (const auto& [name, tier] : kTiers) {
    if (typed.text == name) return tier;
    names.emplace_back(name);
  }
  const auto near = base::nearest(typed.text, names);
  problems.add("unknown network tier '" + typed.text + "'",
               (near ? "did you mean " + *near + "?\n" : std::string()) + choose(typed));
  return std::nullopt;
}

std::optional<plan::AllowedHost> parse_allow(const Typed& typed, base::Diagnostics& problems) {
  const auto pattern = net::NamePattern::parse(typed.text);
  if (!pattern || ends_in_number(pattern->name)) {
    problems.add(typed.spoken() + " is no name of a host", allow_hint(typed.text));
    return std::nullopt;
  }
  if (is_this_machine(pattern->name)) {
    problems.add(typed.spoken() + ": in the box that name is the box itself",
                 "--reach PORT brings a port of this machine's loopback into the box");
    return std::nullopt;
  }
  return plan::AllowedHost{pattern->to_string(), typed.origin};
}

std::optional<plan::LanDestination> parse_lan(const Typed& typed, base::Diagnostics& problems) {
  plan::LanDestination destination;
  destination.origin = typed.origin;
  const auto [where, port] = split_port(typed.text);
  if (port) {
    const auto number = parse_port(*port);
    if (!number) {
      problems.add(typed.spoken() + ": '" + std::string(*port) + "' is no port", "a port is 1 to 65535");
      return std::nullopt;
    }
    destination.port = *number;
  }
  if (const auto prefix = net::Prefix::parse(where)) {
    destination.prefix = prefix->to_string();
    return destination;
  }
  const auto name = net::normalize_name(where);
  if (!name || ends_in_number(*name) || typed.text.starts_with('[')) {
    problems.add(typed.spoken() + " is neither an address nor a name", lan_hint(typed.text));
    return std::nullopt;
  }
  if (is_this_machine(*name)) {
    problems.add(typed.spoken() + ": in the box that name is the box itself",
                 "--reach PORT brings a port of this machine's loopback into the box");
    return std::nullopt;
  }
  destination.name = *name;
  return destination;
}

std::optional<plan::PublishedPort> parse_publish(const Typed& typed, base::Diagnostics& problems) {
  const std::size_t colon = typed.text.find(':');
  const auto host_port = parse_port(std::string_view(typed.text).substr(0, colon));
  const auto box_port =
      colon == std::string::npos ? host_port : parse_port(std::string_view(typed.text).substr(colon + 1));
  if (!host_port || !box_port) {
    problems.add("can't understand " + typed.spoken(),
                 "--publish [HOSTPORT:]PORT, each 1 to 65535; it is this machine's loopback always");
    return std::nullopt;
  }
  return plan::PublishedPort{*host_port, *box_port, typed.origin};
}

std::optional<plan::ReachedPort> parse_reach(const Typed& typed, base::Diagnostics& problems) {
  const auto port = parse_port(typed.text);
  if (!port) {
    problems.add(typed.spoken() + " is no port",
                 "--reach PORT, 1 to 65535, a port of this machine's loopback; --lan opens another machine");
    return std::nullopt;
  }
  return plan::ReachedPort{*port, typed.origin};
}

}  // namespace claudebox::profile
