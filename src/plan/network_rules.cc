// What may be opened in which tier. Every grant is judged, so that all mistakes are said at once.
#include <algorithm>
#include <array>
#include <set>

#include "net/address.h"
#include "net/special_purpose.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

/// No network of an organization is wider than 10.0.0.0/8 or fc00::/7.
constexpr unsigned kWidestV4 = 8;
constexpr unsigned kWidestV6 = 7;

struct Closed {
  const char* prefix;
  const char* reason;
  const char* hint;
};

constexpr const char* kNameTheMachine = "name the machine or the network that the box is to reach";
constexpr const char* kByV4 = "write the IPv4 address";
constexpr const char* kReach = "--reach PORT brings a port of this machine's loopback into the box";

/// What no --lan opens, beside the network of the box itself.
constexpr auto kClosed = std::to_array<Closed>({
    {"127.0.0.0/8", "is loopback, and in the box that is the box itself", kReach},
    {"::1/128", "is loopback, and in the box that is the box itself", kReach},
    {"0.0.0.0/8", "is no destination", kNameTheMachine},
    {"224.0.0.0/4", "is multicast, which a box can't have", kNameTheMachine},
    {"240.0.0.0/4", "is reserved or broadcast", kNameTheMachine},
    {"ff00::/8", "is multicast, which a box can't have", kNameTheMachine},
    {"fe80::/10", "is link-local, and means nothing without one of the host's interfaces",
     "use another address of that machine"},
    {"::/80", "embeds IPv4", kByV4},
    {"64:ff9b::/32", "embeds IPv4", kByV4},
    {"2001::/32", "embeds IPv4", kByV4},
    {"2002::/16", "embeds IPv4", kByV4},
});

std::vector<net::Prefix> networks_of_box() {
  const Network own;
  const auto v4 = net::Prefix::parse(own.slirp_network);
  const auto v6 = net::Address::parse(own.box_v6);
  return {v4.value_or(net::Prefix()), net::Prefix::of(v6.value_or(net::Address()), 64)};
}

class Rules {
 public:
  Rules(const Request& request, base::Diagnostics& problems) : request_(request), problems_(problems) {}

  void check() {
    allowed();
    lan();
    ports();
  }

 private:
  Tier tier() const { return request_.network.value; }

  /// Said once, for the first of them: the mistake is the tier's.
  void allowed() {
    if (tier() == Tier::allowlist) {
      if (request_.allow.empty() && request_.lan.empty())
        problems_.add("the tier allowlist reaches only what is named, and nothing is named",
                      "--allow HOST for each host, for example --allow api.anthropic.com");
      return;
    }
    if (request_.allow.empty()) return;
    const std::string& typed = request_.allow.front().origin.source;
    if (tier() == Tier::internet)
      problems_.add(typed + ": the tier internet already reaches every public host",
                    "--network allowlist limits it to what --allow names; or leave --allow out");
    else if (tier() == Tier::full)
      problems_.add(typed + ": the tier full already reaches everything that this machine does",
                    "--network allowlist limits it to what --allow names; or leave --allow out");
    else
      problems_.add(
          typed + ": the tier offline reaches nothing" + who_chose(),
          "--network allowlist" + beside() + " reaches what --allow names and nothing else" + or_there());
  }

  /// A tier that a file or a variable chose is easily forgotten at the command line.
  bool chosen_elsewhere() const {
    const auto kind = request_.network.origin.kind;
    return kind == base::Origin::Kind::profile || kind == base::Origin::Kind::environment;
  }
  std::string who_chose() const {
    return chosen_elsewhere() ? ", and " + request_.network.origin.source + " chose it" : "";
  }
  std::string beside() const { return chosen_elsewhere() ? " as well" : ""; }
  std::string or_there() const {
    return chosen_elsewhere() ? "; or change " + request_.network.origin.source : "";
  }

  void lan() {
    if (request_.lan.empty()) return;
    const std::string& typed = request_.lan.front().origin.source;
    if (tier() == Tier::full)
      problems_.add(typed + ": the tier full already reaches your local network", "leave --lan out");
    else if (tier() == Tier::offline)
      problems_.add(typed + ": the tier offline reaches nothing" + who_chose(),
                    "--network allowlist" + beside() +
                        " reaches what --lan and --allow name, --network internet the public "
                        "internet as well" +
                        or_there());
    for (const auto& destination : request_.lan)
      if (const auto prefix = net::Prefix::parse(destination.prefix)) lan_prefix(destination, *prefix);
  }

  void lan_prefix(const LanDestination& destination, const net::Prefix& prefix) {
    const std::string& typed = destination.origin.source;
    if (prefix.length < (prefix.address.is_v4() ? kWidestV4 : kWidestV6)) {
      problems_.add(typed + " is too wide: that is no network of yours",
                    std::string(kNameTheMachine) + "; --network full reaches everything");
      return;
    }
    if (prefix == net::Prefix::host(prefix.address) && net::is_metadata(prefix.address)) {
      problems_.add(typed + ": " + prefix.address.to_string() +
                        " is a cloud metadata service, which hands out the machine's credentials",
                    "nothing opens it to a box; pass in what the agent needs with --env");
      return;
    }
    for (const auto& [closed, reason, hint] : kClosed) {
      if (!net::Prefix::parse(closed)->overlaps(prefix)) continue;
      problems_.add(typed + ": " + closed + " " + reason, hint);
      return;
    }
    for (const auto& own : networks_of_box())
      if (own.overlaps(prefix))
        problems_.add(typed + ": " + own.to_string() + " is the network of the box itself",
                      "a network of yours with these addresses can't be reached from a box");
  }

  void ports() {
    if (tier() == Tier::full) {
      for (const std::string& typed : first_ports())
        problems_.add(typed + ": the box shares the host's network already, ports included",
                      "leave it out, or take another tier than full");
      return;
    }
    published_twice();
    for (const auto& reached : request_.reach) conflicts(reached);
  }

  /// The first of each kind.
  std::vector<std::string> first_ports() const {
    std::vector<std::string> typed;
    if (!request_.publish.empty()) typed.push_back(request_.publish.front().origin.source);
    if (!request_.reach.empty()) typed.push_back(request_.reach.front().origin.source);
    return typed;
  }

  void published_twice() {
    std::set<std::uint16_t> seen;
    for (const auto& published : request_.publish)
      if (!seen.insert(published.host_port).second)
        problems_.add(published.origin.source + ": port " + std::to_string(published.host_port) +
                          " of this machine is published already",
                      "take another one: --publish HOSTPORT:" + std::to_string(published.box_port));
  }

  void conflicts(const ReachedPort& reached) {
    for (const auto& published : request_.publish) {
      const std::string both = published.origin.source + " and " + reached.origin.source;
      const std::string port = "port " + std::to_string(reached.port);
      if (published.box_port == reached.port)
        problems_.add(both + ": " + port + " of the box can't be the box's own and this machine's at once",
                      "let the server in the box listen on another port, and publish that one");
      else if (published.host_port == reached.port)
        problems_.add(both + ": " + port + " of this machine would lead back into the box",
                      "publish it as another one: --publish HOSTPORT:" + std::to_string(published.box_port));
    }
  }

  const Request& request_;
  base::Diagnostics& problems_;
};

}  // namespace

void check_network(const Request& request, base::Diagnostics& problems) {
  Rules(request, problems).check();
}

}  // namespace claudebox::plan
