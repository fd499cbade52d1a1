#include <ctime>

#include "base/text.h"
#include "cli/command.h"
#include "cli/json.h"
#include "instance/registry.h"
#include "plan/build.h"

namespace claudebox::cli {
namespace {

std::string day(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  char text[32];
  if (seconds <= 0 || !::localtime_r(&time, &parts) ||
      std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts) == 0)
    return "never";
  return text;
}

std::string state_of(const instance::Record& record) {
  if (!record.problem.empty()) return record.problem;
  if (record.live) return "live";
  if (record.project_gone) return "project gone";
  return record.project_exists ? "" : "not mounted";
}

/// The one named, else the one of the project around the current directory.
instance::Record chosen(const Context& context) {
  const std::string root = state_root(context);
  if (!context.low.argument.empty()) return instance::find(root, context.low.argument);
  const std::string id = project_instance(context, "or name an instance: claudebox instance list");
  for (auto& record : instance::list(root))
    if (record.id == id) return record;
  throw base::Error("this project has no instance yet",
                    "the first box makes one; claudebox instance list shows all");
}

std::string row(const std::string& id, const std::string& used, const std::string& state,
                const std::string& project) {
  const auto padded = [](std::string text, std::size_t width) {
    if (text.size() < width) text.resize(width, ' ');
    return text + "  ";
  };
  return padded(id, 16) + padded(used, 16) + padded(state, 12) + project + "\n";
}

}  // namespace

std::string state_root(const Context& context) {
  const auto configured = context.host.variable("CLAUDEBOX_HOME");
  if (configured && !configured->starts_with('/'))
    throw base::Error("CLAUDEBOX_HOME is not an absolute path: " + *configured,
                      "set it to one, or unset it for ~/.claudebox", base::ExitCode::usage);
  return plan::state_root(context.host);
}

std::string project_instance(const Context& context, const std::string& hint) {
  base::Diagnostics problems;
  plan::Request request;
  request.project = context.low.project;
  if (auto id = plan::instance_id(request, context.host, problems)) return *id;
  const auto& problem = problems.items().front();
  throw base::Error(problem.message, problem.hint + "\n" + hint, problem.exit);
}

int list_instances(const Context& context) {
  const auto records = instance::list(state_root(context));
  if (context.low.json) {
    print(instances_json(records));
    return 0;
  }
  if (records.empty()) {
    say("No instances yet: the first box of a project makes one.\n");
    return 0;
  }
  std::string out = row("ID", "LAST USED", "STATE", "PROJECT");
  for (const auto& record : records)
    out +=
        row(base::escape_for_terminal(record.id), day(record.last_used),
            base::escape_for_terminal(state_of(record)),
            base::escape_for_terminal(base::with_tilde(record.canonical_root, context.host.identity().home)));
  print(out);
  return 0;
}

int show_instance(const Context& context) {
  const instance::Record record = chosen(context);
  const auto holders = instance::holders(record);
  const std::uint64_t bytes = instance::disk_usage(record);
  if (context.low.json) {
    print(instance_json(record, holders, bytes));
    return 0;
  }
  const auto line = [](const std::string& name, const std::string& value) {
    return name + std::string(name.size() < 12 ? 12 - name.size() : 1, ' ') +
           base::escape_for_terminal(value) + "\n";
  };
  std::string out = line("id", record.id) + line("project", record.canonical_root) +
                    line("directory", record.directory) + line("created", day(record.created)) +
                    line("last used", day(record.last_used)) + line("size", base::human_size(bytes));
  if (const std::string state = state_of(record); !state.empty()) out += line("state", state);
  for (const auto& holder : holders)
    out += line("held by", "process " + std::to_string(holder.pid) + " since " + day(holder.since) + " in " +
                               holder.directory + " (" + holder.command + ")");
  print(out);
  return 0;
}

int print_instance_path(const Context& context) {
  print(chosen(context).directory + "\n");
  return 0;
}

int remove_instance(const Context& context) {
  const std::string root = state_root(context);
  const instance::Record record = instance::find(root, context.low.argument);
  const std::uint64_t bytes = instance::disk_usage(record);
  instance::remove(root, record);
  say("Removed " + base::escape_for_terminal(record.id) + " of " +
      base::escape_for_terminal(record.canonical_root) + ", " + base::human_size(bytes) + ".\n");
  return 0;
}

int collect_instances(const Context& context) {
  const std::string root = state_root(context);
  std::uint64_t total = 0;
  std::size_t count = 0;
  std::string out;
  for (const auto& record : instance::collectable(root)) {
    const std::uint64_t bytes = instance::disk_usage(record);
    if (!context.low.dry_run) instance::remove(root, record);
    total += bytes;
    ++count;
    out += (context.low.dry_run ? "would remove " : "removed ") + base::escape_for_terminal(record.id) +
           "  " + base::human_size(bytes) + "  " + base::escape_for_terminal(record.canonical_root) + "\n";
  }
  out += (count == 0 ? "nothing to remove"
                     : std::to_string(count) + (count == 1 ? " instance, " : " instances, ") +
                           base::human_size(total)) +
         "\n";
  print(out);
  return 0;
}

int print_values(const Context& context) {
  if (context.low.argument == "sessions") return print_sessions(context);
  if (context.low.argument == "packages") return print_packages(context);
  if (context.low.argument == "profiles") return print_profiles(context);
  if (context.low.argument != "instances")
    throw base::Error("nothing to complete: " + context.low.argument, "", base::ExitCode::usage);
  std::string out;
  for (const auto& record : instance::list(state_root(context)))
    out +=
        base::escape_for_terminal(record.id) + "\t" + base::escape_for_terminal(record.canonical_root) + "\n";
  print(out);
  return 0;
}

}  // namespace claudebox::cli
