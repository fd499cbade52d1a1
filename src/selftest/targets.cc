#include "selftest/targets.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "base/text.h"
#include "net/resolv_conf.h"
#include "net/special_purpose.h"

namespace claudebox::selftest {
namespace {

constexpr std::uint16_t kDiscard = 9;  // RFC 863: where somebody does listen, nothing is done
constexpr std::uint16_t kHttp = 80;
constexpr std::uint16_t kHttps = 443;
constexpr std::uint16_t kDns = 53;
constexpr std::size_t kMaxOwn = 16;

/// One for each range, at its far end, where hardly any network has a machine: if the protection is broken, that is
/// where a packet goes.
constexpr std::array kPrivate = {
    "10.255.255.254", "172.31.255.254", "192.168.255.254", "100.127.255.254", "169.254.255.254",
    "198.19.255.254", "192.0.2.254",    "203.0.113.254",   "240.0.0.1",       "fdff:ffff:ffff:ffff::1",
    "fe80::fffe",     "fec0::1",        "64:ff9b::7f00:1", "2002:7f00:1::1",  "2001:db8::1"};
constexpr std::array kMetadata = {"169.254.169.254", "169.254.170.2", "168.63.129.16",
                                  "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"};
/// k.root-servers.net: stands for what is public, and is a name server at that.
constexpr std::array kPublic = {"193.0.14.129", "2001:7fd::1"};

class Collector {
 public:
  explicit Collector(const plan::Plan& plan) : plan_(plan) {}

  void add(const std::string& claim, const net::Address& address, std::uint16_t port, bool udp = true) {
    if (is_opened(address)) return;
    for (const char* protocol : {"tcp", "udp"})
      if (udp || *protocol == 't') targets_.push_back({claim, protocol, address, port});
  }
  template <std::size_t size>
  void add_all(const std::string& claim, const std::array<const char*, size>& texts, std::uint16_t port) {
    for (const char* text : texts)
      if (const auto address = net::Address::parse(text)) add(claim, *address, port);
  }
  std::vector<Target> take() { return std::move(targets_); }

 private:
  bool is_opened(const net::Address& address) const {
    return std::any_of(plan_.net.lan.begin(), plan_.net.lan.end(), [&](const plan::LanDestination& lan) {
      const auto prefix = net::Prefix::parse(lan.prefix);
      return prefix && prefix->contains(address);
    });
  }

  const plan::Plan& plan_;
  std::vector<Target> targets_;
};

bool is_loopback(const net::Address& address) {
  const auto reason = net::special_purpose(address);
  return reason && std::string_view(reason) == "loopback";
}

/// Eight hexadecimal digits of a word that lies in memory as the address does: proc(5), /proc/net/route.
std::optional<net::Address> little_endian_v4(const std::string& digits) {
  std::uint32_t word = 0;
  const char* end = digits.data() + digits.size();
  if (std::from_chars(digits.data(), end, word, 16).ptr != end || digits.size() != 8) return std::nullopt;
  std::array<std::uint8_t, 4> bytes{};
  for (auto& byte : bytes) {
    byte = static_cast<std::uint8_t>(word);
    word >>= 8U;
  }
  return net::Address(bytes);
}

/// 32 hexadecimal digits, /proc/net/ipv6_route.
std::optional<net::Address> plain_v6(const std::string& digits) {
  std::array<std::uint8_t, 16> bytes{};
  if (digits.size() != 2 * bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char* at = digits.data() + 2 * i;
    if (std::from_chars(at, at + 2, bytes[i], 16).ptr != at + 2) return std::nullopt;
  }
  return net::Address(bytes);
}

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  for (const auto& word : base::split(line, '\t'))
    for (const auto& part : base::split(word, ' '))
      if (!part.empty()) words.push_back(part);
  return words;
}

std::set<net::Address> routers(const sys::HostView& host) {
  std::set<net::Address> out;
  for (const auto& line : base::split(host.read_file("/proc/net/route").value_or(""), '\n'))
    if (const auto words = words_of(line); words.size() > 2)
      if (const auto address = little_endian_v4(words[2]); address && *address != net::Address{})
        out.insert(*address);
  for (const auto& line : base::split(host.read_file("/proc/net/ipv6_route").value_or(""), '\n'))
    if (const auto words = words_of(line); words.size() > 4)
      if (const auto address = plain_v6(words[4]); address && *address != *net::Address::parse("::"))
        out.insert(*address);
  return out;
}

/// Name servers of the host that are no public destination.
std::set<net::Address> near_name_servers(const sys::HostView& host,
                                         const std::vector<net::HostPrefix>& prefixes) {
  std::set<net::Address> out;
  for (const auto& server : net::parse_resolv_conf(host.read_file("/etc/resolv.conf").value_or("")).servers) {
    const bool near = net::special_purpose(server.address) ||
                      std::any_of(prefixes.begin(), prefixes.end(), [&](const net::HostPrefix& one) {
                        return one.prefix.contains(server.address);
                      });
    if (near && !is_loopback(server.address)) out.insert(server.address);
  }
  return out;
}

bool is_about(const report::NetworkEvent& event, const Target& target) {
  return event.protocol == target.protocol && event.port == target.port &&
         event.address == target.address.to_string();
}

std::string text_of(const Target& target) {
  return target.protocol + " " + target.address.to_string() + " " + std::to_string(target.port);
}

void break_row(std::vector<Row>& rows, const std::string& claim, const std::string& why) {
  for (auto& row : rows)
    if (row.id == claim && row.outcome == Result::held) {
      row.outcome = Result::broken;
      row.detail = why;
    }
}

}  // namespace

std::vector<Target> network_targets(const plan::Plan& plan, const sys::HostView& host,
                                    const std::vector<net::HostPrefix>& prefixes,
                                    std::span<const std::uint16_t> loopback_ports) {
  if (!plan.has_gateway()) return {};
  Collector targets(plan);
  std::set<net::Address> own;
  for (const auto& one : prefixes)
    if (one.kind == net::HostPrefix::Kind::own_address && own.size() < kMaxOwn)
      own.insert(one.prefix.address);
  for (const auto& address : own) targets.add("network.own", address, kDiscard);
  for (const auto& address : routers(host))
    if (!own.contains(address)) targets.add("network.near", address, kHttp);
  for (const auto& address : near_name_servers(host, prefixes))
    if (!own.contains(address)) targets.add("network.near", address, kDns);
  targets.add_all("network.private", kPrivate, kDiscard);
  targets.add_all("network.metadata", kMetadata, kHttp);
  // slirp4netns's addresses for the host, slirp4netns(1): the second and third of its network.
  for (const char* text : {"198.51.100.2", "fd00::2", "fd00::3"})
    for (const std::uint16_t port : loopback_ports)
      targets.add("network.slirp", *net::Address::parse(text), port, false);
  if (plan.network.value == plan::Tier::allowlist) {
    targets.add_all("network.ungranted", kPublic, kHttps);
    targets.add_all("names.servers", kPublic, kDns);
  }
  return targets.take();
}

std::vector<std::string> target_facts(const std::vector<Target>& targets) {
  std::vector<std::string> facts;
  for (const auto& target : targets) facts.push_back(target.claim + "=" + text_of(target));
  return facts;
}

void require_witness(std::vector<Row>& rows, const std::vector<Target>& targets,
                     const std::vector<RefusedName>& names, const std::vector<report::NetworkEvent>& events) {
  using Kind = report::NetworkEvent::Kind;
  const auto reported = [&](const auto& fits) { return std::any_of(events.begin(), events.end(), fits); };
  for (const auto& target : targets) {
    if (reported([&](const auto& event) { return event.kind == Kind::reached && is_about(event, target); }))
      break_row(rows, target.claim, text_of(target) + ": the gateway let it through");
    else if (!reported([&](const auto& event) {
               return event.kind == Kind::denied && !event.incoming && is_about(event, target);
             }))
      break_row(rows, target.claim, text_of(target) + ": the gateway did not refuse it");
  }
  for (auto& row : rows)
    if (row.outcome == Result::held &&
        std::any_of(targets.begin(), targets.end(), [&](const Target& one) { return one.claim == row.id; }))
      row.detail += ", each refused by the gateway";
  for (const auto& name : names)
    if (!reported([&](const auto& event) {
          return event.kind == Kind::lookup && event.name == name.name && event.result == name.result;
        }))
      break_row(rows, name.claim, name.name + ": the box's name server did not refuse it");
}

}  // namespace claudebox::selftest
