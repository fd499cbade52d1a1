// Packets as the gateway reads them: from the box, and back.
#include <vector>

#include "fuzz.h"
#include "net/packet.h"
#include "net/policy.h"
#include "net/refusal.h"

namespace claudebox::fuzz {

void run(Bytes input) {
  // A copy of exact size, so that a read beyond the packet is seen.
  const std::vector<std::uint8_t> bytes(input.begin(), input.end());
  const auto packet = net::parse_packet(bytes);
  if (!packet) return;
  must(packet->bytes.size() <= bytes.size());
  must(packet->header_length <= packet->bytes.size());
  net::Policy policy({.box_v4 = net::Address::parse("198.51.100.100").value(),
                      .box_v6 = net::Address::parse("fd00::100").value()});
  const net::Time now{};
  const auto judgement = policy.outgoing(*packet, now);
  must(judgement.verdict != net::Verdict::pass ||
       policy.forbidden(packet->destination, packet->destination_port, now) == nullptr);
  (void)policy.incoming(*packet, now);
  (void)net::quoted_destination(*packet);
}

}  // namespace claudebox::fuzz
