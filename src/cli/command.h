// The commands, one function each. Internal to this folder.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "base/stopwatch.h"
#include "cli/app.h"
#include "cli/output.h"
#include "plan/plan.h"
#include "sys/host_view.h"

namespace claudebox::cli {

/// What every command is given.
struct Context {
  const LowArgs& low;
  const sys::HostView& host;
  ClosedStreams closed{};
};

/// All return the exit status, and throw base::Error.
int run_box(const Context& context);    ///< the agent, run, shell
int show_plan(const Context& context);  ///< plan, --dry-run
int check(const Context& context);
int self_test(const Context& context);
int list_instances(const Context& context);
int show_instance(const Context& context);
int print_instance_path(const Context& context);
int remove_instance(const Context& context);
int collect_instances(const Context& context);
int show_log(const Context& context);
int list_profiles(const Context& context);
int show_profile(const Context& context);
int check_profile(const Context& context);
int new_profile(const Context& context);
int import_profile(const Context& context);
int trust(const Context& context);
int list_packages(const Context& context);
int update_packages(const Context& context);
int remove_packages(const Context& context);
int print_values(const Context& context);    ///< of __complete
int print_sessions(const Context& context);  ///< the same
int print_packages(const Context& context);  ///< the same
int print_profiles(const Context& context);  ///< the same

/// Of claudebox itself: these need nothing of the host, and work without a home.
int print_completion(const LowArgs& low);
int print_help(const LowArgs& low);
int print_version(const LowArgs& low);
int print_man_page(const LowArgs& low);
int print_seccomp_filter(const LowArgs& low);
int print_profile_schema(const LowArgs& low);

/// ~/.claudebox, or where CLAUDEBOX_HOME says. Throws.
std::string state_root(const Context& context);
/// The instance of the project around the current directory, or of --project. Throws with `hint` added where there is no
/// project.
std::string project_instance(const Context& context, const std::string& hint);

/// The plan of what was asked for, or the exit status after its problems were said.
std::variant<plan::Plan, int> make_plan(const Context& context);

/// Whether this command only shows things: its failures have the exit status 1, and not that of a box.
bool runs_nothing(const LowArgs& low);

/// How to call this very program, for the printed bwrap command.
std::string own_program();

/// Before anything is asked or made: a start that can't work is not worth a question. Throws.
void require_bwrap(const plan::Plan& plan, const sys::HostView& host);

/// Runs `start`. Where it throws, says so, and which part of this machine is the cause where one is; gives the
/// exit status then.
std::optional<int> launch_or_explain(const Context& context, const std::function<void()>& start);

/// The same for a box that bwrap could not make. False where this machine is not the cause.
bool say_cause(const sys::HostView& host);

void say_timings(const base::Stopwatch& stopwatch);

}  // namespace claudebox::cli
