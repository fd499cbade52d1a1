// Programs in a box follow the proxy variables of the host. Where the proxy is not public, the box can't reach it, and
// every download would fail without a word about why: so the audit says which flag opens the way. Where the way is
// open, it says what that means: the proxy, and not the tier, decides what is reached through it.
#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "base/text.h"
#include "net/address.h"
#include "net/name_pattern.h"
#include "net/special_purpose.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

struct Proxy {
  std::string host;        ///< an address or a normalized name
  std::uint16_t port = 0;  ///< 0: not said
  std::vector<std::string> variables;
};

bool names_proxy(std::string_view variable) {
  return variable == "http_proxy" || variable == "https_proxy" || variable == "all_proxy" ||
         variable == "HTTP_PROXY" || variable == "HTTPS_PROXY" || variable == "ALL_PROXY";
}

/// [SCHEME://][USER@]HOST[:PORT][/…]; nothing where it is something else.
std::optional<Proxy> parse_proxy(std::string_view value) {
  if (const auto scheme = value.find("://"); scheme != std::string_view::npos)
    value.remove_prefix(scheme + 3);
  value = value.substr(0, value.find('/'));
  if (const auto user = value.rfind('@'); user != std::string_view::npos) value.remove_prefix(user + 1);
  const bool bracketed = value.starts_with('[');
  const std::size_t end = bracketed ? value.find(']') : value.find(':');
  const std::string_view host = value.substr(bracketed ? 1 : 0, end - (bracketed ? 1 : 0));
  std::string_view port;
  if (end != std::string_view::npos) port = value.substr(bracketed ? end + 1 : end);
  Proxy proxy;
  if (port.starts_with(':')) std::from_chars(port.data() + 1, port.data() + port.size(), proxy.port);
  if (net::Address::parse(host))
    proxy.host = host;
  else if (const auto name = net::normalize_name(host))
    proxy.host = *name;
  else
    return std::nullopt;
  return proxy;
}

/// Each proxy once, with the variables that name it.
std::vector<Proxy> proxies_of(const Plan& plan) {
  std::vector<Proxy> proxies;
  for (const auto& variable : plan.env) {
    auto proxy = names_proxy(variable.name) ? parse_proxy(variable.value) : std::nullopt;
    if (!proxy) continue;
    const auto same = std::find_if(proxies.begin(), proxies.end(), [&](const Proxy& other) {
      return other.host == proxy->host && other.port == proxy->port;
    });
    auto& entry = same == proxies.end() ? proxies.emplace_back(std::move(*proxy)) : *same;
    entry.variables.push_back(variable.name);
  }
  return proxies;
}

std::string with_port(const std::string& host, std::uint16_t port) {
  if (port == 0) return host;
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

class Way {
 public:
  Way(const Plan& plan, const Proxy& proxy)
      : plan_(plan), proxy_(proxy), address_(net::Address::parse(proxy.host)) {}

  bool is_loopback() const {
    if (proxy_.host == "localhost" || proxy_.host.ends_with(".localhost")) return true;
    return address_ && (net::Prefix::parse("127.0.0.0/8")->contains(*address_) ||
                        net::Prefix::parse("::1")->contains(*address_));
  }

  /// Whether a flag opened it.
  bool is_open() const {
    const auto& net = plan_.net;
    if (is_loopback())
      return std::any_of(net.reach.begin(), net.reach.end(),
                         [&](const auto& reached) { return reached.port == proxy_.port; });
    if (is_allowed()) return true;
    return std::any_of(net.lan.begin(), net.lan.end(), [&](const LanDestination& lan) {
      const auto prefix = net::Prefix::parse(lan.prefix);
      const bool here = address_ ? prefix && prefix->contains(*address_) : lan.name == proxy_.host;
      return here && (lan.port == 0 || lan.port == proxy_.port);
    });
  }

  /// What it takes, where the tier does not reach it; empty where it does, as far as that is known without asking a
  /// name server.
  std::string wanted() const {
    if (is_loopback()) return "--reach " + (proxy_.port ? std::to_string(proxy_.port) : "PORT");
    std::string lan = "--lan " + with_port(proxy_.host, proxy_.port);
    if (plan_.network.value == Tier::allowlist) return lan;
    const bool refused = address_ ? net::special_purpose(*address_) != nullptr : is_private_name();
    return refused ? lan : std::string();
  }

 private:
  bool is_allowed() const {
    return std::any_of(plan_.net.allow.begin(), plan_.net.allow.end(), [&](const AllowedHost& allowed) {
      const auto pattern = net::NamePattern::parse(allowed.pattern);
      return pattern && pattern->matches(proxy_.host);
    });
  }

  /// Names that no public name server knows: a single label, and what is set aside for local use.
  bool is_private_name() const {
    if (proxy_.host.find('.') == std::string::npos) return true;
    for (const char* suffix :
         {".local", ".lan", ".internal", ".intranet", ".corp", ".home", ".home.arpa", ".private"})
      if (proxy_.host.ends_with(suffix)) return true;
    return false;
  }

  const Plan& plan_;
  const Proxy& proxy_;
  std::optional<net::Address> address_;
};

}  // namespace

void plan_proxy_notes(Plan& plan) {
  if (!plan.own_network()) return;
  for (const auto& proxy : proxies_of(plan)) {
    const Way way(plan, proxy);
    const std::string where = with_port(proxy.host, proxy.port);
    const std::string names = base::join(proxy.variables, ", ");
    const base::Origin origin{base::Origin::Kind::environment, names, "a proxy of this network"};
    if (way.is_open()) {
      plan.notes.push_back({Note::Level::warning,
                            "what goes through the proxy " + where +
                                " reaches whatever the proxy lets through, whatever the tier says",
                            origin});
    } else if (const std::string flag = way.wanted(); !flag.empty()) {
      plan.notes.push_back(
          {Note::Level::warning,
           names + " names the proxy " + where + ", which the box can't reach: " + flag + " opens the way",
           origin});
    }
  }
}

}  // namespace claudebox::plan
