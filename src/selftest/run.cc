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
#include "runtime/launch.h"
#include "selftest/canary.h"
#include "selftest/claims.h"
#include "selftest/facts.h"
#include "selftest/probe_image.h"
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

std::vector<std::string> all_facts(const plan::Plan& plan, const Canaries& canaries) {
  const auto host = sys::this_host();
  auto facts = host_facts(plan, *host);
  for (auto more : {process_facts(*host, ::getpid()), canaries.facts()})
    facts.insert(facts.end(), more.begin(), more.end());
  return facts;
}

std::optional<Result> result_of(std::string_view word) {
  for (const Result result : {Result::held, Result::broken, Result::untried})
    if (word == result_name(result)) return result;
  return std::nullopt;
}

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
    if (line.empty()) continue;
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
    const auto answer = answers.find(std::string(claim.id));
    if (answer == answers.end()) throw_incomplete("no answer for " + std::string(claim.id));
    Row row{.id = std::string(claim.id),
            .promise = std::string(claim.promise),
            .attempt = std::string(claim.attempt),
            .outcome = answer->second.result,
            .detail = answer->second.detail};
    if (const std::string why = not_promised(claim, plan); !why.empty()) {
      row.outcome = Result::untried;
      row.detail = why;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Row> run_selftest(plan::Plan plan) {
  const Canaries canaries(plan);
  add_probe(plan, all_facts(plan, canaries));
  std::string output;
  const auto capture = [&](std::string_view bytes) {
    if (output.size() + bytes.size() <= kMaxOutput) output += bytes;
  };
  const report::Outcome outcome = runtime::run(plan, {.capture = capture});
  if (outcome.kind != report::Outcome::Kind::exited)
    throw base::Error("the selftest's box ended early: " +
                          (outcome.reason.empty() ? "it was killed from outside" : outcome.reason),
                      "claudebox check looks for the cause");
  if (outcome.status != 0) throw_incomplete("exit status " + std::to_string(outcome.status));
  auto rows = read_report(output, plan);
  for (const auto& id : canaries.reached())
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
