#include "gateway/lookup.h"

#include <algorithm>

namespace claudebox::gateway {

LookupRules::LookupRules(net::Policy& policy, const std::vector<AllowedName>& names, bool allowlist)
    : policy_(policy), allowlist_(allowlist) {
  for (const auto& [pattern, lan, port] : names)
    if (auto parsed = net::NamePattern::parse(pattern)) names_.push_back({std::move(*parsed), lan, port});
}

const LookupRules::Name* LookupRules::find(const std::string& name, bool lan) const {
  const auto found = std::find_if(names_.begin(), names_.end(), [&](const Name& one) {
    return one.lan == lan && one.pattern.matches(name);
  });
  return found == names_.end() ? nullptr : &*found;
}

std::optional<LookupRules::Immediate> LookupRules::answer_here(
    std::span<const std::uint8_t> query, const std::optional<net::Question>& question) const {
  if (!question) return Immediate{.reply = net::error_reply(query, net::kFormatError)};
  LookedUp report{.name = question->name, .type = question->type, .result = LookedUp::Result::refused};
  const bool allowed = !allowlist_ || find(question->name, false) || find(question->name, true);
  if (!allowed) return Immediate{net::error_reply(query, net::kRefused), std::move(report), true};
  // Their hints are addresses that no judgement sees. "There is none" makes every client go on with A and AAAA.
  if (question->type == net::kTypeHttps || question->type == net::kTypeSvcb)
    return Immediate{.reply = net::error_reply(query, net::kNoError)};
  return std::nullopt;
}

LookupRules::Judged LookupRules::judge(std::span<const std::uint8_t> query, const net::Question& question,
                                       std::span<const std::uint8_t> reply, net::Time now) {
  Judged judged{.reply = {}, .report = {.name = question.name, .type = question.type}, .grants = {}};
  const auto answer = net::read_answer(reply, question);
  if (!answer) {
    judged.reply = net::error_reply(query, net::kServerFailure);
    judged.report.result = LookedUp::Result::failed;
    return judged;
  }
  for (const auto& record : answer->addresses)
    if (judged.report.addresses.size() < kMaxReported) judged.report.addresses.push_back(record.address);
  const bool lan = find(question.name, true) != nullptr;
  const bool answerable =
      std::none_of(answer->addresses.begin(), answer->addresses.end(),
                   [&](const auto& record) { return policy_.unanswerable(record.address, lan) != nullptr; });
  if (!answerable) {
    judged.reply = net::error_reply(query, net::kRefused);
    judged.report.result = LookedUp::Result::private_address;
    return judged;
  }
  grant(question, *answer, now, judged);
  judged.reply.assign(reply.begin(), reply.end());
  judged.reply[0] = query[0];
  judged.reply[1] = query[1];
  if (answer->code == net::kNoSuchName) judged.report.result = LookedUp::Result::no_such_name;
  if (answer->code != net::kNoError && answer->code != net::kNoSuchName)
    judged.report.result = LookedUp::Result::failed;
  return judged;
}

void LookupRules::grant(const net::Question& question, const net::Answer& answer, net::Time now,
                        Judged& judged) {
  const Name* lan = find(question.name, true);
  if (!lan && !allowlist_) return;
  for (const auto& record : answer.addresses) {
    if (!record.on_chain || judged.grants.size() >= kMaxGrants) continue;
    const net::Grant grant{
        .address = record.address, .port = lan ? lan->port : std::uint16_t{0}, .lan = lan != nullptr};
    policy_.grant(grant, record.time_to_live, now);
    judged.grants.push_back(grant);
  }
}

}  // namespace claudebox::gateway
