#include <unistd.h>

#include <ctime>

#include "cli/packages.h"
#include "cli/request.h"
#include "instance/registry.h"
#include "selftest/run.h"
#include "selftest/table.h"

namespace claudebox::cli {

/// Nothing is asked: what runs is claudebox's own probe, and it leaves nothing behind.
int self_test(const Context& context) {
  if (context.low.dry_run) return show_plan(context);
  base::Stopwatch stopwatch;
  auto planned = make_plan(context);
  if (const int* status = std::get_if<int>(&planned)) return *status;
  require_bwrap(std::get<plan::Plan>(planned), context.host);
  planned = with_packages(context, std::get<plan::Plan>(std::move(planned)));
  if (const int* status = std::get_if<int>(&planned)) return *status;
  auto& plan = std::get<plan::Plan>(planned);
  stopwatch.lap("planning");

  // The probe writes no history, so a live box of the same project does not stand in its way.
  plan.instance.share = true;
  const auto lease = instance::acquire(plan, {.pid = ::getpid(),
                                              .since = std::time(nullptr),
                                              .directory = plan.project.directory,
                                              .command = "claudebox selftest"});
  for (const auto& note : instance::prepare(plan)) say_note(note);
  stopwatch.lap("instance");
  std::vector<selftest::Row> rows;
  const auto attack = [&] { rows = selftest::run_selftest(plan); };
  if (const auto status = launch_or_explain(context, attack)) return *status;
  stopwatch.lap("box");
  print(context.low.json ? selftest::json(rows, plan)
                         : selftest::table(rows, plan, style_for(STDOUT_FILENO, context.host)));
  if (context.low.timings) say_timings(stopwatch);
  return selftest::exit_status(rows);
}

}  // namespace claudebox::cli
