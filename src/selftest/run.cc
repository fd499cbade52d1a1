// Theory of operation
//
// The probe is part of claudebox and is put into the box as a file, so that no program of the host or the project
// has a say in it. It learns by its arguments what to look for, and answers on its standard output. What it looks
// for is real: the user's own files, sockets and variables by name (never by content), and canaries that listen
// on the host for the time of the run. A canary that was reached counts as broken whatever the probe says.
#include "selftest/run.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "runtime/host_networks.h"
#include "runtime/launch.h"
#include "selftest/aftermath.h"
#include "selftest/canary.h"
#include "selftest/claims.h"
#include "selftest/facts.h"
#include "selftest/name_canary.h"
#include "selftest/probe_image.h"
#include "selftest/targets.h"
#include "sys/host.h"

namespace claudebox::selftest {
namespace {

constexpr const char* kProbePath = "/run/claudebox/probe";
constexpr std::size_t kMaxOutput = 1U << 20;

void add_probe(plan::Plan& plan, std::vector<std::string> facts) {
  plan.mounts.push_back(
      {.kind = plan::Mount::Kind::file,
       .target = kProbePath,
       .content = std::string(probe_image()),
       .mode = 0555,
       .origin = {base::Origin::Kind::builtin, "selftest", "the program that attacks the box"}});
  plan.command.argv = {kProbePath};
  plan.command.argv.insert(plan.command.argv.end(), facts.begin(), facts.end());
}

/// The names that are looked up, in the tiers that promise something about them. Nobody owns .invalid (RFC 2606), and
/// the gateway refuses both before it or its answer is used.
std::vector<RefusedName> refused_names(const plan::Plan& plan) {
  if (!plan.has_gateway()) return {};
  if (plan.network.value == plan::Tier::internet)
    return {{"names.private", random_name() + ".invalid", "private address"}};
  return {{"names.ungranted", random_name() + ".invalid", "refused"}};
}

/// What the probe is told, and what is needed afterwards to judge what it found.
struct Preparation {
  explicit Preparation(const plan::Plan& plan, const sys::HostView& host) : canaries(plan) {
    if (plan.has_gateway()) {
      targets = network_targets(plan, host, runtime::HostNetworks().read(), canaries.ports());
      names = refused_names(plan);
      name_server.emplace();
    }
  }

  std::vector<std::string> facts(const plan::Plan& plan, const sys::HostView& host) const {
    auto facts = host_facts(plan, host);
    for (auto more : {process_facts(host, ::getpid()), canaries.facts(), target_facts(targets)})
      facts.insert(facts.end(), more.begin(), more.end());
    for (const auto& name : names) facts.push_back(name.claim + "=" + name.name);
    facts.push_back("token=" + token);
    return facts;
  }

  Canaries canaries;
  std::vector<Target> targets;
  std::vector<RefusedName> names;
  std::optional<NameCanary> name_server;
  std::string token = random_name();
};

std::optional<Result> result_of(std::string_view word) {
  for (const Result result : {Result::held, Result::broken, Result::untried})
    if (word == result_name(result)) return result;
  return std::nullopt;
}

/// The line that says which pid namespace the probe was in; it answers nothing by itself.
constexpr std::string_view kNote = "note\tnamespace\t";

struct Answer {
  Result result = Result::untried;
  std::string detail;
};

[[noreturn]] void throw_incomplete(const std::string& why) {
  throw base::Error("the selftest's probe did not come to its end: " + why,
                    "nothing is known about this box; run it again, and report it if it stays so");
}

/// The answers by claim. Every line must be one that the probe writes.
std::map<std::string, Answer> read_answers(std::string_view output) {
  std::map<std::string, Answer> answers;
  bool ended = false;
  for (const auto& line : base::split(output, '\n')) {
    if (line.empty() || line.starts_with(kNote)) continue;
    const auto fields = base::split(line, '\t');
    if (ended || fields.size() != 3) throw_incomplete("an unexpected line in its report");
    if (fields[0] == "end") {
      if (fields[1] != std::to_string(answers.size())) throw_incomplete("its report has gaps");
      ended = true;
    } else {
      const auto result = result_of(fields[1]);
      if (!result || !answers.emplace(fields[0], Answer{*result, fields[2]}).second)
        throw_incomplete("an unexpected answer in its report");
    }
  }
  if (!ended) throw_incomplete("its report is cut off");
  return answers;
}

/// "pid:[4026531836]"; empty where the probe did not say.
std::string pid_namespace_of(std::string_view output) {
  const auto at = output.find(kNote);
  if (at == std::string_view::npos) return {};
  output.remove_prefix(at + kNote.size());
  return std::string(output.substr(0, output.find('\n')));
}

}  // namespace

const char* result_name(Result result) {
  switch (result) {
    case Result::held:
      return "held";
    case Result::broken:
      return "broken";
    case Result::untried:
      return "untried";
  }
  return "?";
}

std::vector<Row> read_report(std::string_view output, const plan::Plan& plan) {
  const auto answers = read_answers(output);
  std::vector<Row> rows;
  for (const auto& claim : claims()) {
    Row row{.id = std::string(claim.id),
            .promise = std::string(claim.promise),
            .attempt = std::string(claim.attempt),
            .detail = "not looked for"};
    if (!is_tried_outside(claim)) {
      const auto answer = answers.find(row.id);
      if (answer == answers.end()) throw_incomplete("no answer for " + row.id);
      row.outcome = answer->second.result;
      row.detail = answer->second.detail;
    }
    if (const std::string why = not_promised(claim, plan); !why.empty()) {
      row.outcome = Result::untried;
      row.detail = why;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Row> run_selftest(plan::Plan plan) {
  const auto host = sys::this_host();
  const Preparation prepared(plan, *host);
  const Aftermath aftermath(plan, *host);
  add_probe(plan, prepared.facts(plan, *host));
  std::string output;
  std::vector<report::NetworkEvent> events;
  runtime::RunOptions options;
  options.capture = [&](std::string_view bytes) {
    if (output.size() + bytes.size() <= kMaxOutput) output += bytes;
  };
  options.on_event = [&](const report::NetworkEvent& event) { events.push_back(event); };
  if (prepared.name_server)
    options.name_servers = {prepared.name_server->resolv_conf(), prepared.name_server->port()};
  const report::Outcome outcome = runtime::run(plan, options);
  const std::uint64_t ended = clock_ticks();
  if (outcome.kind != report::Outcome::Kind::exited)
    throw base::Error("the selftest's box ended early: " +
                          (outcome.reason.empty() ? "it was killed from outside" : outcome.reason),
                      "claudebox check looks for the cause");
  if (outcome.status != 0) throw_incomplete("exit status " + std::to_string(outcome.status));
  auto rows = read_report(output, plan);
  aftermath.judge(rows, *sys::this_host(), prepared.token, pid_namespace_of(output), ended);
  require_witness(rows, prepared.targets, prepared.names, events);
  for (const auto& id : prepared.canaries.reached())
    for (auto& row : rows)
      if (row.id == id) {
        row.outcome = Result::broken;
        row.detail = "a connection from the box arrived on the host";
      }
  return rows;
}

int exit_status(const std::vector<Row>& rows) {
  const bool any_broken =
      std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row.outcome == Result::broken; });
  return any_broken ? 1 : 0;
}

}  // namespace claudebox::selftest
