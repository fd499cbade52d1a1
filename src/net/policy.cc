#include "net/policy.h"

#include <algorithm>

#include "net/special_purpose.h"

namespace claudebox::net {
namespace {

constexpr const char* kNotAllowed = "not on the allowlist";

const char* host_reason(HostPrefix::Kind kind) {
  switch (kind) {
    case HostPrefix::Kind::own_address:
      return "an address of this host";
    case HostPrefix::Kind::on_link:
      return "a network of this host";
    case HostPrefix::Kind::route:
      return "a private route of this host (VPN)";
  }
  return "of this host";
}

/// What a kernel says by itself on a new interface: listener reports, router and neighbour solicitations.
bool is_noise(const Packet& packet) {
  if (packet.source.is_v4() || !is_group(packet.destination)) return false;
  constexpr std::uint8_t kHopByHop = 0;
  return packet.protocol == kHopByHop ||
         (packet.protocol == kIcmpV6 && packet.icmp_type >= 130 && packet.icmp_type <= 143);
}

/// What libslirp can carry. Anything else is refused here, so that it fails at once instead of waiting for ever.
bool can_be_carried(const Packet& packet) {
  if (packet.has_options) return false;
  if (packet.protocol == kTcp || packet.protocol == kUdp) return packet.is_whole || packet.is_later_fragment;
  return packet.source.is_v4() && packet.protocol == kIcmp &&
         (packet.is_later_fragment || (packet.is_whole && packet.icmp_type == 8));
}

}  // namespace

Policy::Policy(PolicyRules rules) : rules_(std::move(rules)) {}

void Policy::set_host_prefixes(std::vector<HostPrefix> prefixes) {
  too_many_ = prefixes.size() > kMaxHostPrefixes;
  host_ = std::move(prefixes);
  if (too_many_) host_.clear();
  // Own addresses first: nothing opens these.
  std::sort(host_.begin(), host_.end(), [](const auto& a, const auto& b) { return a.kind < b.kind; });
}

const char* Policy::on_host(const Address& address, bool own_only) const {
  for (const auto& [prefix, kind] : host_) {
    if (own_only && kind != HostPrefix::Kind::own_address) return nullptr;
    if (prefix.contains(address)) return host_reason(kind);
  }
  return nullptr;
}

bool Policy::opened_by_rule(const Address& address, std::uint16_t port) const {
  return std::any_of(rules_.lan.begin(), rules_.lan.end(), [&](const LanRule& rule) {
    return rule.prefix.contains(address) && (rule.port == 0 || rule.port == port);
  });
}

const Grant* Policy::find_grant(const Address& address, std::uint16_t port, bool lan, Time now) const {
  for (const std::uint16_t granted_port : {std::uint16_t{0}, port}) {
    const auto found = grants_.find({.address = address, .port = granted_port, .lan = lan});
    if (found != grants_.end() &&
        now <= std::max(found->second.valid_until, found->second.last_used + kGrantIdle))
      return &found->first;
  }
  return nullptr;
}

const char* Policy::forbidden(const Address& address, std::uint16_t port, Time now) const {
  if (too_many_) return "more networks on this host than can be kept apart";
  if (is_metadata(address)) return special_purpose(address);
  if (const char* own = on_host(address, /*own_only=*/true)) return own;
  if (is_group(address)) return "multicast";
  if (opened_by_rule(address, port) || find_grant(address, port, true, now)) return nullptr;
  if (const char* special = special_purpose(address)) return special;
  if (const char* host = on_host(address, /*own_only=*/false)) return host;
  if (rules_.allowlist && !find_grant(address, port, false, now)) return kNotAllowed;
  return nullptr;
}

Judgement Policy::outgoing(const Packet& packet, Time now) {
  const auto& own = packet.source.is_v4() ? rules_.box_v4 : rules_.box_v6;
  if (is_noise(packet) || packet.source != own) return {Verdict::drop, ""};
  if (const char* reason = forbidden(packet.destination, packet.destination_port, now))
    return {Verdict::refuse, reason};
  if (!can_be_carried(packet)) return {Verdict::refuse, "a kind of packet that is not carried"};
  for (const bool lan : {false, true})
    if (const Grant* used = find_grant(packet.destination, packet.destination_port, lan, now))
      grants_[*used].last_used = now;
  return {Verdict::pass, ""};
}

Judgement Policy::incoming(const Packet& packet, Time now) {
  const auto& own = packet.destination.is_v4() ? rules_.box_v4 : rules_.box_v6;
  if (packet.destination != own) return {Verdict::drop, ""};
  if (const auto quoted = quoted_destination(packet)) {
    // An error may come from any router on the way, and from libslirp itself; what counts is what it is about. The port
    // is not looked at: an error about a forbidden one can't exist.
    const bool known = !forbidden(*quoted, 0, now) || opened_in_part(*quoted, now);
    return known ? Judgement{Verdict::pass, ""} : Judgement{Verdict::refuse, forbidden(*quoted, 0, now)};
  }
  if (const char* reason = forbidden(packet.source, packet.source_port, now)) {
    if (packet.is_later_fragment && opened_in_part(packet.source, now)) return {Verdict::pass, ""};
    return {Verdict::refuse, reason};
  }
  return {Verdict::pass, ""};
}

bool Policy::opened_in_part(const Address& address, Time now) const {
  if (is_metadata(address) || on_host(address, /*own_only=*/true)) return false;
  const bool by_rule = std::any_of(rules_.lan.begin(), rules_.lan.end(),
                                   [&](const LanRule& rule) { return rule.prefix.contains(address); });
  if (by_rule) return true;
  const auto first = grants_.lower_bound({.address = address, .port = 0, .lan = false});
  return std::any_of(first, grants_.end(), [&](const auto& entry) {
    return entry.first.address == address && entry.first.lan &&
           now <= std::max(entry.second.valid_until, entry.second.last_used + kGrantIdle);
  });
}

const char* Policy::unanswerable(const Address& address, bool lan) const {
  if (is_metadata(address) || is_group(address)) return special_purpose(address);
  if (const char* own = on_host(address, /*own_only=*/true)) return own;
  const char* special = special_purpose(address);
  if (!lan) return special ? special : on_host(address, /*own_only=*/false);
  const auto bytes = address.bytes();
  const bool private_one = address.is_v4() ? bytes[0] != 0 && bytes[0] != 127
                                           : (bytes[0] & 0xe0) == 0x20 || (bytes[0] & 0xfe) == 0xfc;
  return private_one ? nullptr : special;
}

void Policy::grant(const Grant& grant, std::chrono::seconds time_to_live, Time now) {
  const auto [found, added] = grants_.try_emplace(grant);
  auto& state = found->second;
  state.valid_until =
      std::max(state.valid_until, now + std::min<std::chrono::seconds>(time_to_live, kMaxTimeToLive));
  state.last_used = now;
  if (!added || grants_.size() <= kMaxGrants) return;
  auto oldest = grants_.begin();
  for (auto entry = grants_.begin(); entry != grants_.end(); ++entry)
    if (entry->second.last_used < oldest->second.last_used) oldest = entry;
  grants_.erase(oldest);
}

std::vector<Grant> Policy::grants(Time now) const {
  std::vector<Grant> out;
  for (const auto& [grant, state] : grants_)
    if (now <= std::max(state.valid_until, state.last_used + kGrantIdle)) out.push_back(grant);
  return out;
}

}  // namespace claudebox::net
