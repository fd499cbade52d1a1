// Packets as the gateway reads them, one after the other: from the box, and in frames on their way back.
#include <algorithm>
#include <array>
#include <vector>

#include "fuzz.h"
#include "gateway/ethernet.h"
#include "net/flows.h"
#include "net/packet.h"
#include "net/policy.h"
#include "net/refusal.h"

namespace claudebox::fuzz {
namespace {

using net::Address;

const Address kBoxV4 = Address::parse("198.51.100.100").value();
const Address kBoxV6 = Address::parse("fd00::100").value();
constexpr int kMaxPackets = 16;

/// A copy of exact size, so that a read beyond the packet is seen. Where the input wishes it, the length field says the
/// length, and the box's own address stands where the policy expects it: few mutations would leave both right.
std::vector<std::uint8_t> packet_from(Bytes bytes, unsigned wishes, bool from_box) {
  std::vector<std::uint8_t> out(bytes.begin(), bytes.end());
  if (out.size() < 40) return out;
  const bool v4 = out[0] >> 4 == 4;
  if ((wishes & 1U) != 0) {
    const std::size_t length = v4 ? out.size() : out.size() - 40;
    out[v4 ? 2 : 4] = static_cast<std::uint8_t>(length >> 8U);
    out[v4 ? 3 : 5] = static_cast<std::uint8_t>(length);
  }
  if ((wishes & 2U) != 0) {
    const auto box = v4 ? kBoxV4.bytes() : kBoxV6.bytes();
    const std::size_t source = v4 ? 12 : 8;
    std::copy(box.begin(), box.end(),
              out.begin() + static_cast<std::ptrdiff_t>(source + (from_box ? 0 : box.size())));
  }
  return out;
}

/// What claudebox itself sends is a packet from one to the other.
void must_be_packet(Bytes bytes, const Address& from, const Address& to) {
  const auto packet = net::parse_packet(bytes);
  must(packet && packet->source == from && packet->destination == to);
}

void from_box(Bytes bytes, net::Policy& policy, net::Flows& flows, net::Time now) {
  const auto packet = net::parse_packet(bytes);
  if (!packet) return;
  must(packet->bytes.size() == bytes.size() && packet->header_length <= bytes.size());
  const auto judgement = policy.outgoing(*packet, now);
  if (judgement.verdict == net::Verdict::pass) {
    must(packet->source == kBoxV4 || packet->source == kBoxV6);
    must(policy.forbidden(packet->destination, packet->destination_port, now) == nullptr);
    flows.outgoing(*packet, now);
  }
  std::array<std::uint8_t, net::kMaxRefusal> answer;
  if (const std::size_t length = net::write_refusal(*packet, answer))
    must_be_packet(std::span(answer).first(length), packet->destination, packet->source);
}

void into_box(Bytes bytes, const net::Policy& policy, net::Flows& flows, net::Time now) {
  std::vector<std::uint8_t> frame(gateway::kEthernetHeader);
  gateway::write_ethernet_header(std::span(frame).first<gateway::kEthernetHeader>(),
                                 !bytes.empty() && bytes[0] >> 4 == 4);
  frame.insert(frame.end(), bytes.begin(), bytes.end());
  const auto inner = gateway::packet_of_frame(frame);
  const auto packet = inner ? net::parse_packet(*inner) : std::nullopt;
  if (!packet || policy.incoming(*packet, now).verdict != net::Verdict::pass) return;
  if (const auto quoted = net::quoted_destination(*packet))
    must(policy.unanswerable(*quoted, true) == nullptr);
  flows.incoming(*packet, now);
}

}  // namespace

void run(Bytes input) {
  Pieces pieces(input);
  const unsigned shape = pieces.byte();
  net::Policy policy({.allowlist = (shape & 1U) != 0,
                      .box_v4 = kBoxV4,
                      .box_v6 = kBoxV6,
                      .lan = {{net::Prefix::parse("10.1.0.0/16").value(), 443}}});
  policy.set_host_prefixes({{net::Prefix::parse("10.1.2.3/32").value(), net::HostPrefix::Kind::own_address},
                            {net::Prefix::parse("93.184.0.0/24").value(), net::HostPrefix::Kind::on_link}});
  net::Flows flows;
  net::Time now{};
  policy.grant({.address = Address::parse("93.184.216.34").value()}, std::chrono::hours(1), now);
  for (int i = 0; i < kMaxPackets && !pieces.empty(); ++i, now += std::chrono::minutes(1)) {
    const unsigned wishes = pieces.byte();
    const bool outward = (wishes & 4U) == 0;
    const auto bytes = packet_from(pieces.piece(), wishes, outward);
    if (outward) {
      from_box(bytes, policy, flows, now);
    } else {
      into_box(bytes, policy, flows, now);
    }
  }
  (void)flows.take_changes();
  for (const auto& cut :
       flows.cut([&](const Address&, std::uint16_t port) { return port % 2 == shape / 2 % 2; })) {
    for (const auto& target : {cut.to_box, cut.to_peer}) {
      std::array<std::uint8_t, net::kMaxRefusal> reset;
      if (const std::size_t length = net::write_reset(target, reset))
        must_be_packet(std::span(reset).first(length), target.source, target.destination);
    }
  }
}

}  // namespace claudebox::fuzz
