// What the commands that start a box share.
#include <cstdio>

#include "base/text.h"
#include "cli/check.h"
#include "cli/command.h"

namespace claudebox::cli {

void require_bwrap(const plan::Plan& plan, const sys::HostView& host) {
  if (host.executable(plan.bwrap)) return;
  const Part part = assess_bwrap(gather_required(host));
  throw base::Error("can't make a box without bubblewrap: " + part.detail, base::join(part.remedy, "\n"),
                    base::ExitCode::setup);
}

bool say_cause(const sys::HostView& host) {
  const auto cause = diagnose(gather_required(host));
  if (cause) say_problem(cause->message, cause->hint);
  return cause.has_value();
}

std::optional<int> launch_or_explain(const Context& context, const std::function<void()>& start) {
  // Caught here and not in cli::run: only a failed launch makes a look at the machine worth its time.
  try {
    start();
  } catch (const base::Error& error) {
    say_problem(error.message(), error.hint());
    say_cause(context.host);
    return static_cast<int>(error.exit().value_or(base::ExitCode::setup));
  }
  return std::nullopt;
}

void say_timings(const base::Stopwatch& stopwatch) {
  std::string line;
  char number[32];
  for (const auto& [name, milliseconds] : stopwatch.laps()) {
    std::snprintf(number, sizeof number, " %.2f ms", milliseconds);
    line += (line.empty() ? "" : ", ") + name + number;
  }
  say_note(line);
}

}  // namespace claudebox::cli
