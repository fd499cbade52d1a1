// DNS messages: a query from inside the box, then a server's answer to it, and what comes of both.
#include "fuzz.h"
#include "gateway/lookup.h"
#include "net/dns_message.h"

namespace claudebox::fuzz {

void run(Bytes input) {
  Pieces pieces(input);
  const bool allowlist = (pieces.byte() & 1U) != 0;
  const Bytes query = pieces.piece();
  const Bytes reply = pieces.rest();
  const auto question = net::read_query(query);
  (void)net::error_reply(query, net::kRefused);
  net::Policy policy({.allowlist = allowlist});
  gateway::LookupRules rules(policy, {{.pattern = "example.org"}}, allowlist);
  const auto here = rules.answer_here(query, question);
  if (!question) return;
  const auto forwarded = net::forwarded_query(query, *question, 7);
  must(net::read_query(forwarded).has_value());
  must(forwarded.size() <= query.size() + 64);
  if (here) return;
  const bool fits = net::is_reply_to(reply, *question, 7);
  const auto answer = net::read_answer(reply, *question);
  if (!fits || !answer) return;
  const net::Time now{};
  const auto judged = rules.judge(query, *question, reply, now);
  must(judged.grants.size() <= gateway::LookupRules::kMaxGrants);
  for (const auto& grant : judged.grants) must(policy.unanswerable(grant.address, false) == nullptr);
}

}  // namespace claudebox::fuzz
