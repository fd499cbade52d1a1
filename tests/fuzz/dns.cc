// DNS messages: a query from inside the box, then a server's answer to it, and what comes of both; as datagrams and as a
// stream.
#include <vector>

#include "fuzz.h"
#include "gateway/lookup.h"
#include "net/dns_message.h"
#include "net/dns_stream.h"

namespace claudebox::fuzz {
namespace {

constexpr std::uint16_t kId = 7;

/// A reply to the question: flags and counts are the input's, then its records. Few mutations of a whole message would
/// leave id and question as they were asked.
std::vector<std::uint8_t> reply_to(Bytes query, const net::Question& question, Pieces& pieces) {
  std::vector<std::uint8_t> out = {
      0, kId, static_cast<std::uint8_t>((pieces.byte() & 0x07U) | 0x80U), pieces.byte(), 0, 1};
  for (int section = 0; section < 3; ++section) out.insert(out.end(), {0, pieces.byte()});
  const auto asked = query.subspan(12, question.end - 12);
  out.insert(out.end(), asked.begin(), asked.end());
  const auto records = pieces.rest();
  out.insert(out.end(), records.begin(), records.end());
  return out;
}

void judge(Bytes query, const net::Question& question, Bytes reply, net::Policy& policy,
           gateway::LookupRules& rules, bool allowlist) {
  const net::Time now{};
  const auto judged = rules.judge(query, question, reply, now);
  must(judged.reply.size() >= 12 && judged.reply[0] == query[0] && judged.reply[1] == query[1]);
  must(judged.grants.size() <= gateway::LookupRules::kMaxGrants);
  for (const auto& grant : judged.grants) must(policy.unanswerable(grant.address, grant.lan) == nullptr);
  const auto handed_out = net::read_answer(judged.reply, question);
  must(handed_out.has_value());
  for (const auto& record : handed_out->addresses) {
    must(policy.unanswerable(record.address, question.name == "nas.lan") == nullptr);
    if (allowlist && record.on_chain && handed_out->addresses.size() < 32 && question.name == "example.org")
      must(policy.forbidden(record.address, 443, now) == nullptr || record.time_to_live.count() == 0);
  }
}

void stream(Bytes bytes) {
  Pieces pieces(bytes);
  net::DnsStream in_pieces;
  net::DnsStream at_once;
  std::size_t messages = 0;
  while (!pieces.empty()) {
    const auto piece = pieces.piece();
    in_pieces.append(piece);
    at_once.append(piece);
    while (const auto message = in_pieces.next()) ++messages;
  }
  while (const auto message = at_once.next()) {
    must(messages-- > 0);
    (void)net::read_query(*message);
    net::DnsStream again;
    again.append(net::framed(*message));
    must(again.next() == message && again.size() == 0);
  }
  must(messages == 0 && in_pieces.size() == at_once.size());
}

}  // namespace

void run(Bytes input) {
  Pieces pieces(input);
  const unsigned shape = pieces.byte();
  if ((shape & 4U) != 0) return stream(pieces.rest());
  const bool allowlist = (shape & 1U) != 0;
  const Bytes query = pieces.piece();
  const auto question = net::read_query(query);
  net::Policy policy({.allowlist = allowlist});
  gateway::LookupRules rules(policy,
                             {{.pattern = "example.org"},
                              {.pattern = "*.example.com"},
                              {.pattern = "nas.lan", .lan = true, .port = 445}},
                             allowlist);
  const auto here = rules.answer_here(query, question);
  must(question || here);
  if (here) must(here->reply.empty() || (here->reply.size() >= 12 && here->reply.size() <= query.size()));
  if (!question) return;
  const auto forwarded = net::forwarded_query(query, *question, kId);
  const auto travels = net::read_query(forwarded);
  must(travels && travels->name == question->name && travels->type == question->type);
  must(forwarded.size() <= question->end + 11);  // an OPT record without options
  if (here) return;
  const bool whole = (shape & 2U) != 0;
  const auto rest = whole ? pieces.rest() : Bytes{};
  const auto reply =
      whole ? std::vector<std::uint8_t>(rest.begin(), rest.end()) : reply_to(query, *question, pieces);
  if (net::is_reply_to(reply, *question, kId)) judge(query, *question, reply, policy, rules, allowlist);
}

}  // namespace claudebox::fuzz
