// What claudebox itself spends on a decision: a plan of this host and this project, and the audit of it.
#include <benchmark/benchmark.h>

#include <string>

#include "base/diagnostics.h"
#include "plan/build.h"
#include "render/audit.h"
#include "sys/host.h"

namespace {

using namespace claudebox;

plan::Request request() {
  plan::Request request;
  request.action = plan::Action::command;
  request.arguments = {"/bin/true"};
  request.network = {plan::Tier::full, {base::Origin::Kind::flag, "--network", ""}};
  return request;
}

/// A new look at the host each time, as in a start.
plan::Plan plan_once() {
  const auto host = sys::this_host();
  base::Diagnostics problems;
  auto plan = plan::build(request(), *host, problems);
  return plan ? std::move(*plan) : plan::Plan{};
}

void planning(benchmark::State& state) {
  if (plan_once().mounts.empty()) {
    state.SkipWithError("there is no plan for this directory");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(plan_once());
}
BENCHMARK(planning)->Unit(benchmark::kMillisecond);

void audit(benchmark::State& state) {
  const plan::Plan plan = plan_once();
  for (auto _ : state) benchmark::DoNotOptimize(render::audit(plan, {.color = true}));
}
BENCHMARK(audit)->Unit(benchmark::kMillisecond);

void approval(benchmark::State& state) {
  const plan::Plan plan = plan_once();
  for (auto _ : state) benchmark::DoNotOptimize(render::approval_text(plan));
}
BENCHMARK(approval)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
