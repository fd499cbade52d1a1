#include "cli/run.h"

#include <array>
#include <cerrno>
#include <exception>
#include <new>

#include "cli/command.h"
#include "sys/host.h"

namespace claudebox::cli {
namespace {

struct Row {
  Verb verb;
  int (*run)(const Context&);
  bool prints_data;  ///< standard output is what it is for
};

constexpr auto kVerbs = std::to_array<Row>({
    {Verb::agent, run_box, false},
    {Verb::run, run_box, false},
    {Verb::shell, run_box, false},
    {Verb::selftest, self_test, true},
    {Verb::plan, show_plan, true},
    {Verb::check, check, true},
    {Verb::instance_list, list_instances, true},
    {Verb::instance_show, show_instance, true},
    {Verb::instance_path, print_instance_path, true},
    {Verb::instance_rm, remove_instance, false},
    {Verb::instance_gc, collect_instances, true},
    {Verb::log, show_log, true},
    {Verb::profile_list, list_profiles, true},
    {Verb::profile_show, show_profile, true},
    {Verb::profile_check, check_profile, false},
    {Verb::profile_new, new_profile, true},
    {Verb::profile_import, import_profile, true},
    {Verb::trust, trust, false},
    {Verb::packages_list, list_packages, true},
    {Verb::packages_update, update_packages, false},
    {Verb::packages_remove, remove_packages, false},
    {Verb::complete, print_values, true},
});

struct TextRow {
  Verb verb;
  int (*run)(const LowArgs&);
};

constexpr auto kTexts = std::to_array<TextRow>({
    {Verb::help, print_help},
    {Verb::version, print_version},
    {Verb::completion, print_completion},
    {Verb::generate_man, print_man_page},
    {Verb::seccomp_filter, print_seccomp_filter},
    {Verb::profile_schema, print_profile_schema},
});

bool starts_box(Verb verb) {
  return verb == Verb::agent || verb == Verb::run || verb == Verb::shell;
}

const Row& row_of(const LowArgs& low) {
  const Verb verb = starts_box(low.verb) && low.dry_run ? Verb::plan : low.verb;
  for (const auto& row : kVerbs)
    if (row.verb == verb) return row;
  throw base::Error("this command has no row in the table of commands");
}

void require_output(const ClosedStreams& closed) {
  if (closed.output)
    throw base::Error("can't print: standard output is closed", "redirect it to a file, or to /dev/null");
}

int dispatch(const LowArgs& low, const ClosedStreams& closed) {
  for (const auto& text : kTexts) {
    if (text.verb != low.verb) continue;
    require_output(closed);
    return text.run(low);
  }
  const Row& row = row_of(low);
  if (row.prints_data) require_output(closed);
  if (low.json && starts_box(low.verb) && !low.dry_run)
    throw base::Error("--json shows a plan: it goes with --dry-run", "claudebox plan --json is the same",
                      base::ExitCode::usage);
  const auto host = sys::this_host();
  return row.run({low, *host, closed});
}

}  // namespace

int run(std::span<char* const> arguments) noexcept {
  const ClosedStreams closed = fill_standard_streams();
  base::ExitCode status = base::ExitCode::usage;
  try {
    const LowArgs low = parse({arguments.begin(), arguments.end()});
    status = runs_nothing(low) ? base::ExitCode::failure : base::ExitCode::setup;
    return dispatch(low, closed);
  } catch (const base::Error& error) {
    say_problem(error.message(), error.hint());
    status = error.exit().value_or(status);
  } catch (const std::bad_alloc&) {
    // In pieces: there may be none for a text.
    say("claudebox: can't go on: out of memory (ENOMEM)\nhint: ");
    say(base::exhaustion_hint(ENOMEM));
    say("\n");
  } catch (const std::exception& error) {
    say_problem(std::string("internal error: ") + error.what(), "please report it");
  }
  return static_cast<int>(status);
}

}  // namespace claudebox::cli
