// Theory of operation
//
// Decide, show, ask, and only then touch anything:
//   1 the plan is made; it reads, and changes nothing
//   2 it is shown, and compared with the one that was approved last for this instance
//   3 a person says yes, or has said so before
//   4 Nix resolves the packages that have not been before, and the plan is made again with what they came to
//   5 the instance is taken; from here on there is something on disk
//   6 its state is brought up to date, and the login, where that is about to run out
//   7 the box runs
// What fails before 5 leaves nothing behind, what fails later a whole instance and no process.
#include <signal.h>
#include <unistd.h>

#include <ctime>

#include "base/path.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/packages.h"
#include "cli/request.h"
#include "instance/registry.h"
#include "instance/session_log.h"
#include "plan/bwrap_args.h"
#include "render/audit.h"
#include "runtime/launch.h"
#include "runtime/login_renewal.h"

namespace claudebox::cli {
namespace {

constexpr int kSetup = static_cast<int>(base::ExitCode::setup);
constexpr int kInterrupted = 128 + SIGINT;

std::string local_time(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  char text[32];
  if (!::localtime_r(&time, &parts) || std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts) == 0)
    return "an unknown time";
  return text;
}

void say_busy(const instance::Busy& busy) {
  std::string message = "this project's instance is in use";
  std::string end;
  for (const auto& holder : busy.holders) {
    message += (end.empty() ? ": " : "; ") + std::string("process ") + std::to_string(holder.pid) +
               " since " + local_time(holder.since) + " in " + holder.directory + " (" + holder.command + ")";
    end += " " + std::to_string(holder.pid);
  }
  std::string hint =
      "--instance NAME runs beside it, with a history of its own\n"
      "--force shares it: both then write the same history and settings";
  if (!end.empty()) hint += "\nkill" + end + " ends it";
  say_problem(message, hint);
}

/// How the audit ended.
enum class Decision { start, start_approved, no, interrupt };

class Approval {
 public:
  Approval(const Context& context, const plan::Plan& plan)
      : context_(context), plan_(plan), style_(style_for(STDERR_FILENO, context.host)) {
    style_.explain = context.low.explain;
    style_.verbose = context.low.verbose;
  }

  Decision decide() {
    now_ = render::approval_text(plan_);
    const auto approved = instance::approved_plan(plan_);
    if (approved == now_ && !plan_.always_ask) {
      if (!context_.low.quiet) show_unchanged();
      return Decision::start;
    }
    const bool yes = says_yes(context_.low, context_.host);
    if (yes && context_.low.quiet) return Decision::start;
    if (approved && approved != now_) {
      show_changed(*approved);
    } else {
      show();
    }
    return yes ? Decision::start : ask_person();
  }

  /// To be stored once there is an instance.
  const std::string& text() const { return now_; }

 private:
  void show() const {
    say(render::audit(plan_, style_) + "\n");
    if (context_.low.verbose) say(plan::bwrap_shell_command(plan_, own_program()) + "\n");
  }
  void show_unchanged() const {
    if (context_.low.verbose || context_.low.explain) return show();
    say(render::audit_brief(plan_, render::Standing::approved, style_));
  }
  /// What was approved is known: what is new is to be seen, and not to be looked for in a page.
  void show_changed(const std::string& approved) const {
    say(render::audit_difference(approved, plan_, style_) + "\n");
    if (context_.low.verbose || context_.low.explain) return show();
    say(render::audit_brief(plan_, render::Standing::changed, style_) + "\n");
  }

  Decision ask_person() const {
    switch (ask("Proceed? [Y/n]")) {
      case Answer::yes:
        return Decision::start_approved;
      case Answer::no:
        say("Nothing was started.\n");
        return Decision::no;
      case Answer::interrupt:
        say("Nothing was started.\n");
        return Decision::interrupt;
      case Answer::nobody:
        break;
    }
    say_problem("nothing was started: there is no terminal to ask on",
                "--yes (or CLAUDEBOX_YES=1) starts without asking; claudebox plan shows what that would be");
    return Decision::no;
  }

  const Context& context_;
  const plan::Plan& plan_;
  render::Style style_;
  std::string now_;
};

void say_findings(const report::Outcome& outcome, const plan::Plan& plan) {
  if (outcome.findings.empty()) return;
  say_note("changed in the project while the box ran:");
  for (const auto& [path, text] : outcome.findings)
    say("  " + base::escape_for_terminal(base::with_tilde(path, plan.user_home)) + ": " +
        base::escape_for_terminal(text) + "\n");
}

int finish(const Context& context, const plan::Plan& plan, const report::Outcome& outcome) {
  using Kind = report::Outcome::Kind;
  // Whoever read standard error may be gone by now. The command's status still has to get through.
  ::signal(SIGPIPE, SIG_IGN);
  if (outcome.kind == Kind::violation)
    say_problem("the box was ended: " + outcome.reason, "look at it before you go on");
  if (outcome.kind == Kind::killed) say_problem(outcome.reason, "");
  if (outcome.kind == Kind::failed) {
    say_problem(outcome.reason, "");
    if (!say_cause(context.host))
      say("hint: this machine has what a box needs, so the cause is in the plan: claudebox plan shows it\n");
  }
  if (!outcome.out_of_memory.empty())
    say_problem(outcome.out_of_memory, "--limit memory=AMOUNT, or limits.memory of a profile, gives it more");
  say_findings(outcome, plan);
  return outcome.status;
}

/// The agent is not started on a login that is known to fail. Another command may do without.
bool has_login(const plan::Plan& plan) {
  if (plan.login.mode.value != plan::LoginMode::broker || plan.command.action != plan::Action::agent)
    return true;
  const auto at_start =
      runtime::renew_before_start(plan.login, [] { say_note("your login is being renewed on this host"); });
  if (at_start.usable) return true;
  say_problem("nothing was started: " + at_start.problem,
              base::base_name(plan.login.renewal.front()) +
                  " on this host logs in again (/login)\n--auth store keeps a login for boxes apart, --auth "
                  "none starts "
                  "without");
  return false;
}

void say_closed_streams(const Context& context) {
  if (context.low.quiet) return;
  if (context.closed.input) say_note("standard input is closed: the command reads /dev/null");
  if (context.closed.output) say_note("standard output is closed: what the command prints is lost");
}

}  // namespace

int run_box(const Context& context) {
  base::Stopwatch stopwatch;
  auto planned = make_plan(context);
  if (const int* status = std::get_if<int>(&planned)) return *status;
  require_bwrap(std::get<plan::Plan>(planned), context.host);
  say_closed_streams(context);
  stopwatch.lap("planning");

  Approval approval(context, std::get<plan::Plan>(planned));
  const Decision decision = approval.decide();
  if (decision == Decision::no) return kSetup;
  if (decision == Decision::interrupt) return kInterrupted;
  if (decision == Decision::start_approved) {
    stopwatch.skip();
  } else {
    stopwatch.lap("audit");
  }

  planned = with_packages(context, std::get<plan::Plan>(std::move(planned)));
  if (const int* status = std::get_if<int>(&planned)) return *status;
  const auto& plan = std::get<plan::Plan>(planned);
  if (!plan.packages.empty()) stopwatch.lap("packages");

  auto taken = instance::acquire(plan, {.pid = ::getpid(),
                                        .since = std::time(nullptr),
                                        .directory = plan.project.directory,
                                        .command = plan.command.display});
  if (const auto* busy = std::get_if<instance::Busy>(&taken)) {
    say_busy(*busy);
    return kSetup;
  }
  stopwatch.lap("instance");
  if (decision == Decision::start_approved) instance::store_approved(plan, approval.text());
  for (const auto& note : instance::prepare(plan)) say_note(note);
  stopwatch.lap("state");
  if (!has_login(plan)) return kSetup;
  if (plan.login.mode.value == plan::LoginMode::broker) stopwatch.lap("login");
  instance::SessionLog log(plan);
  report::Outcome outcome;
  const auto record = [&log](const report::NetworkEvent& event) { log.add(event); };
  const auto stage = [&stopwatch](const char* name) { stopwatch.lap(name); };
  const auto start = [&] { outcome = runtime::run(plan, {.on_event = record, .on_stage = stage}); };
  if (const auto status = launch_or_explain(context, start)) {
    log.finish(
        {.kind = report::Outcome::Kind::failed, .status = *status, .reason = "the box could not be made"});
    return *status;
  }
  log.finish(outcome);
  stopwatch.lap("box");
  const int status = finish(context, plan, outcome);
  if (const std::string summary = log.summary(); !summary.empty() && !context.low.quiet) say_note(summary);
  if (context.low.timings) say_timings(stopwatch);
  return status;
}

}  // namespace claudebox::cli
