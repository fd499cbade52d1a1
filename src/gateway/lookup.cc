#include "gateway/lookup.h"

#include <algorithm>
#include <set>
#include <utility>

namespace claudebox::gateway {
namespace {

void add_to(LookedUp& report, const net::Address& address) {
  if (report.addresses.size() < LookupRules::kMaxReported) report.addresses.push_back(address);
}

}  // namespace

LookupRules::LookupRules(net::Policy& policy, const std::vector<AllowedName>& names, bool allowlist)
    : policy_(policy), allowlist_(allowlist) {
  for (const auto& [pattern, lan, port] : names)
    if (auto parsed = net::NamePattern::parse(pattern)) names_.push_back({std::move(*parsed), lan, port});
}

bool LookupRules::is_named(const std::string& name, bool lan) const {
  return std::any_of(names_.begin(), names_.end(),
                     [&](const Name& one) { return one.lan == lan && one.pattern.matches(name); });
}

std::optional<LookupRules::Immediate> LookupRules::answer_here(
    std::span<const std::uint8_t> query, const std::optional<net::Question>& question) const {
  if (!question) return Immediate{.reply = net::error_reply(query, net::kFormatError)};
  LookedUp report{.name = question->name, .type = question->type, .result = LookedUp::Result::refused};
  const bool allowed = !allowlist_ || is_named(question->name, false) || is_named(question->name, true);
  if (!allowed) return Immediate{net::error_reply(query, net::kRefused), std::move(report), true};
  // Their hints are addresses that no judgement sees. "There is none" makes every client go on with A and AAAA.
  if (question->type == net::kTypeHttps || question->type == net::kTypeSvcb) {
    report.result = LookedUp::Result::answered;
    return Immediate{net::error_reply(query, net::kNoError), std::move(report), true};
  }
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
  const bool lan = is_named(question.name, true);
  for (const auto& record : answer->addresses)
    if (policy_.unanswerable(record.address, lan)) add_to(judged.report, record.address);
  if (!judged.report.addresses.empty()) {
    judged.reply = net::error_reply(query, net::kRefused);
    judged.report.result = LookedUp::Result::private_address;
    return judged;
  }
  for (const auto& record : answer->addresses)
    if (record.on_chain) add_to(judged.report, record.address);
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
  // Several may name it: by --allow, and by --lan with one port and another.
  std::set<std::pair<bool, std::uint16_t>> opened;
  for (const auto& name : names_)
    if ((name.lan || allowlist_) && name.pattern.matches(question.name)) opened.emplace(name.lan, name.port);
  for (const auto& record : answer.addresses) {
    if (!record.on_chain) continue;
    for (const auto& [lan, port] : opened) {
      if (judged.grants.size() >= kMaxGrants) return;
      judged.grants.push_back({.address = record.address, .port = port, .lan = lan});
      policy_.grant(judged.grants.back(), record.time_to_live, now);
    }
  }
}

}  // namespace claudebox::gateway
