#include "net/policy.h"

#include <algorithm>

#include "net/forget_oldest.h"
#include "net/special_purpose.h"

namespace claudebox::net {
namespace {

constexpr Judgement kPass{Verdict::pass, ""};
constexpr Judgement kDrop{Verdict::drop, ""};

constexpr const char* kNotCarried = "a kind of packet that is not carried";

/// What a kernel says by itself on a new interface: listener reports, router and neighbour solicitations.
bool is_noise(const Packet& packet) {
  if (packet.source.is_v4() || !is_group(packet.destination)) return false;
  constexpr std::uint8_t kHopByHop = 0;
  return packet.protocol == kHopByHop ||
         (packet.protocol == kIcmpV6 && packet.icmp_type >= 130 && packet.icmp_type <= 143);
}

/// What libslirp can carry. Anything else is refused here, so that it fails at once instead of waiting for ever.
/// `echo` is the type of ICMP that goes this way: a request or a reply.
bool can_be_carried(const Packet& packet, std::uint8_t echo) {
  if (packet.has_options || !(packet.is_whole || packet.is_later_fragment)) return false;
  if (packet.protocol == kTcp || packet.protocol == kUdp) return true;
  return packet.source.is_v4() && packet.protocol == kIcmp &&
         (packet.is_later_fragment || packet.icmp_type == echo);
}
constexpr std::uint8_t kEchoRequest = 8;
constexpr std::uint8_t kEchoReply = 0;

/// The network that the box shares with slirp4netns alone (its gateway is the host's loopback, unless told otherwise).
bool in_own_network(const Address& address, const PolicyRules& rules) {
  const Address& own = address.is_v4() ? rules.box_v4 : rules.box_v6;
  return own != Address{} && Prefix::of(own, own.is_v4() ? 24 : 64).contains(address);
}

}  // namespace

Policy::Policy(PolicyRules rules) : rules_(std::move(rules)) {}

void Policy::set_host_prefixes(const std::vector<HostPrefix>& prefixes) {
  const auto of_kind = [&](HostPrefix::Kind kind) {
    std::vector<Prefix> out;
    for (const auto& one : prefixes)
      if (one.kind == kind) out.push_back(one.prefix);
    return PrefixSet(std::move(out));
  };
  own_addresses_ = of_kind(HostPrefix::Kind::own_address);
  on_link_ = of_kind(HostPrefix::Kind::on_link);
  routes_ = of_kind(HostPrefix::Kind::route);
  too_many_ = own_addresses_.size() + on_link_.size() + routes_.size() > kMaxHostPrefixes;
  if (too_many_) own_addresses_ = on_link_ = routes_ = PrefixSet();
}

const char* Policy::never(const Address& address) const {
  if (too_many_) return "more networks on this host than can be kept apart";
  const std::uint8_t first = address.bytes()[0];
  const bool this_machine = address.is_v4() && (first == 0 || first == 127);
  if (this_machine || embeds_v4(address) || is_group(address) || is_metadata(address))
    return special_purpose(address);
  if (own_addresses_.contains(address)) return "an address of this host";
  return in_own_network(address, rules_) ? "the box's own network" : nullptr;
}

const char* Policy::on_host_network(const Address& address) const {
  if (on_link_.contains(address)) return "a network of this host";
  return routes_.contains(address) ? "a private route of this host (VPN)" : nullptr;
}

bool Policy::opened_by_rule(const Address& address, std::uint16_t port) const {
  return std::any_of(rules_.lan.begin(), rules_.lan.end(), [&](const LanRule& rule) {
    return rule.prefix.contains(address) && (rule.port == 0 || rule.port == port);
  });
}

bool Policy::is_live(const GrantState& state, Time now) {
  return now <= std::max(state.valid_until, state.last_used + kGrantIdle);
}

Policy::Grants::const_iterator Policy::find_grant(const Address& address, std::uint16_t port, bool lan,
                                                  Time now) const {
  for (const std::uint16_t granted_port : {std::uint16_t{0}, port}) {
    const auto found = grants_.find({.address = address, .port = granted_port, .lan = lan});
    if (found != grants_.end() && is_live(found->second, now)) return found;
  }
  return grants_.end();
}

const char* Policy::forbidden(const Address& address, std::uint16_t port, Time now) const {
  if (const char* reason = never(address)) return reason;
  if (opened_by_rule(address, port) || find_grant(address, port, true, now) != grants_.end()) return nullptr;
  if (const char* reason = special_purpose(address)) return reason;
  if (const char* reason = on_host_network(address)) return reason;
  if (rules_.allowlist && find_grant(address, port, false, now) == grants_.end())
    return "not on the allowlist";
  return nullptr;
}

void Policy::keep_alive(const Packet& packet, Time now) {
  for (const bool lan : {false, true}) {
    const auto used = find_grant(packet.destination, packet.destination_port, lan, now);
    if (used != grants_.end()) grants_[used->first].last_used = now;
  }
}

Judgement Policy::outgoing(const Packet& packet, Time now) {
  const Address& own = packet.source.is_v4() ? rules_.box_v4 : rules_.box_v6;
  if (is_noise(packet) || packet.source != own) return kDrop;
  if (const char* reason = forbidden(packet.destination, packet.destination_port, now))
    return {Verdict::refuse, reason};
  if (!can_be_carried(packet, kEchoRequest)) return {Verdict::refuse, kNotCarried};
  keep_alive(packet, now);
  return kPass;
}

Judgement Policy::incoming(const Packet& packet, Time now) const {
  const Address& own = packet.destination.is_v4() ? rules_.box_v4 : rules_.box_v6;
  if (packet.destination != own) return kDrop;
  // An error may come from any router on the way, and from libslirp itself; what counts is what it is about. The port
  // is not looked at: there is nothing about a forbidden one.
  const auto quoted = quoted_destination(packet);
  const bool whole_address = quoted || packet.is_later_fragment;
  const Address& peer = quoted ? *quoted : packet.source;
  const char* reason = forbidden(peer, quoted ? std::uint16_t{0} : packet.source_port, now);
  if (reason && !(whole_address && opened_in_part(peer, now))) return {Verdict::refuse, reason};
  if (!quoted && !can_be_carried(packet, kEchoReply)) return {Verdict::refuse, kNotCarried};
  return kPass;
}

bool Policy::opened_in_part(const Address& address, Time now) const {
  if (never(address)) return false;
  const bool by_rule = std::any_of(rules_.lan.begin(), rules_.lan.end(),
                                   [&](const LanRule& rule) { return rule.prefix.contains(address); });
  if (by_rule) return true;
  for (auto entry = grants_.lower_bound({.address = address, .port = 0, .lan = false});
       entry != grants_.end() && entry->first.address == address; ++entry)
    if (entry->first.lan && is_live(entry->second, now)) return true;
  return false;
}

const char* Policy::unanswerable(const Address& address, bool lan) const {
  if (const char* reason = never(address)) return reason;
  const char* special = special_purpose(address);
  if (!lan) return special ? special : on_host_network(address);
  // Of IPv6 only what a socket reaches without being told an interface.
  const std::uint8_t first = address.bytes()[0];
  const bool reachable = address.is_v4() || (first & 0xfeU) == 0xfc || (first & 0xe0U) == 0x20;
  return reachable ? nullptr : special;
}

void Policy::grant(const Grant& grant, std::chrono::seconds time_to_live, Time now) {
  if (!grant.lan && !rules_.allowlist) return;
  if (grants_.size() >= kMaxGrants && !grants_.contains(grant))
    forget_oldest(grants_, [](const GrantState& state) { return state.last_used; });
  auto& state = grants_[grant];
  const Time until = now + std::min<std::chrono::seconds>(time_to_live, kMaxTimeToLive);
  state.valid_until = std::max(state.valid_until, until);
  state.last_used = now;
}

std::vector<Grant> Policy::grants(Time now) const {
  std::vector<Grant> out;
  for (const auto& [grant, state] : grants_)
    if (is_live(state, now)) out.push_back(grant);
  return out;
}

}  // namespace claudebox::net
