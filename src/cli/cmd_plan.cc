#include <unistd.h>

#include <climits>

#include "cli/packages.h"
#include "cli/request.h"
#include "plan/build.h"
#include "plan/bwrap_args.h"
#include "render/json.h"

namespace claudebox::cli {

bool runs_nothing(const LowArgs& low) {
  switch (low.verb) {
    case Verb::agent:
    case Verb::run:
    case Verb::shell:
    case Verb::selftest:
      return low.dry_run;
    default:
      return true;
  }
}

std::variant<plan::Plan, int> make_plan(const Context& context) {
  base::Diagnostics problems;
  plan::Request request = make_request(context.low, context.host, problems);
  if (problems.empty()) add_approved_flakes(request, context.host, problems);
  std::optional<plan::Plan> plan;
  if (problems.empty()) plan = plan::build(request, context.host, problems);
  if (plan && problems.empty()) return std::move(*plan);
  say_problems(problems);
  base::ExitCode status = problems.exit();
  if (runs_nothing(context.low) && status != base::ExitCode::usage) status = base::ExitCode::failure;
  return static_cast<int>(status);
}

std::string own_program() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  if (length <= 0 || length == sizeof path) return "claudebox";
  return {path, static_cast<std::size_t>(length)};
}

int show_plan(const Context& context) {
  base::Stopwatch stopwatch;
  const auto planned = make_plan(context);
  if (const int* status = std::get_if<int>(&planned)) return *status;
  const auto& plan = std::get<plan::Plan>(planned);
  stopwatch.lap("planning");
  if (context.low.json) {
    print(render::plan_json(plan));
  } else {
    render::Style style = style_for(STDOUT_FILENO, context.host);
    style.explain = context.low.explain;
    style.verbose = context.low.verbose;
    std::string text;
    if (!context.low.quiet) text = render::audit(plan, style) + "\n# As a bwrap command, for bash:\n";
    print(text + plan::bwrap_shell_command(plan, own_program()));
  }
  stopwatch.lap("audit");
  if (context.low.timings) say_timings(stopwatch);
  return 0;
}

}  // namespace claudebox::cli
