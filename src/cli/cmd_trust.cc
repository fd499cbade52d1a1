// `claudebox trust`: a project's own file and local flakes are shown and approved, or the approval taken back.
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "base/path.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/request.h"
#include "instance/own_files.h"
#include "plan/build.h"
#include "plan/flake_source.h"
#include "plan/packages.h"
#include "render/trust.h"

namespace claudebox::cli {
namespace {

constexpr const char* kDirectory = "trust";

/// What waits for a person: a project's own file, or a local flake.
struct Waiting {
  std::string path{};  ///< of the file that gives it its name
  std::string text{};  ///< what is approved of it
  std::optional<std::string> before{};
  std::vector<std::string> widening{};
  bool flake = false;
  std::string shown(const std::string& what) const { return flake ? plan::for_people(what) : what; }
  bool approved() const { return before == text; }
};

void store(const Context& context, const Waiting& waiting) {
  instance::store_own_file(state_root(context), context.host.identity().uid, kDirectory,
                           base::base_name(profile::approval_path(context.host, waiting.path)),
                           profile::format_approval({waiting.path, waiting.text}),
                           instance::Existing::replace);
}

int revoke(const Context& context, const std::vector<std::string>& paths) {
  for (const auto& path : paths) {
    const bool was_there =
        instance::remove_own_file(state_root(context), context.host.identity().uid, kDirectory,
                                  base::base_name(profile::approval_path(context.host, path)));
    say((was_there ? "Approval taken back: " : "Nothing was approved of ") + base::escape_for_terminal(path) +
        "\n");
  }
  return 0;
}

std::optional<std::string> approved_text(const Context& context, const std::string& path) {
  base::Diagnostics unreadable;
  const auto approval = profile::read_approval(context.host, path, unreadable);
  return approval ? std::optional(approval->text) : std::nullopt;
}

Waiting of_project(const Context& context, const ProjectSay& project) {
  Waiting out{.path = project.source.path,
              .text = project.source.text,
              .before = approved_text(context, project.source.path)};
  for (const auto& entry : project.judged.widening) out.widening.push_back(profile::describe(entry));
  return out;
}

Waiting of_flake(const Context& context, const plan::LocalFlake& flake) {
  const std::string path = base::path_join(flake.directory, "flake.nix");
  Waiting out{.path = path, .before = approved_text(context, path), .flake = true};
  const auto files =
      out.before ? plan::files_of(*out.before) : plan::flake_files(context.host, flake.root, flake.directory);
  out.text = plan::flake_text(context.host, flake.root, files);
  if (out.before && *out.before != out.text) {
    // Changed files may read others: what is approved is the first evaluation again.
    auto again = plan::flake_files(context.host, flake.root, flake.directory);
    for (const auto& name : files.names)
      if (std::find(again.names.begin(), again.names.end(), name) == again.names.end())
        again.names.push_back(name);
    std::sort(again.names.begin(), again.names.end());
    out.text = plan::flake_text(context.host, flake.root, again);
  }
  out.widening.push_back("Nix on this machine evaluates it, and builds and fetches what it says");
  return out;
}

/// The requests' flakes as if the project's file were approved: it may be so in a moment.
std::vector<plan::LocalFlake> flakes(const Context& context, base::Diagnostics& problems) {
  plan::Request all = make_request(context.low, context.host, problems);
  base::Diagnostics unused;
  const auto own = make_own_request(context.low, context.host, unused);
  if (const auto project = project_say(own, context.host, unused))
    for (const auto& entry : project->judged.waiting)
      if (entry.key->name == "packages" || entry.key->name == "devshell")
        entry.key->apply(entry, {context.host, base::parent_of(project->source.path)}, all, unused);
  return plan::local_flakes(all, context.host, problems);
}

/// The exit status, or nothing where it was approved.
std::optional<int> decide(const Context& context, const Waiting& waiting) {
  say(render::trust_question(
      {.path = waiting.path,
       .text = waiting.shown(waiting.text),
       .before = waiting.before ? std::optional(waiting.shown(*waiting.before)) : std::nullopt,
       .widening = waiting.widening},
      style_for(STDERR_FILENO, context.host)));
  switch (ask("Approve it? [y/N]", Reply::no)) {
    case Answer::yes:
      store(context, waiting);
      say("Approved, until it changes. claudebox trust --revoke takes it back.\n");
      return std::nullopt;
    case Answer::nobody:
      throw base::Error("nothing was approved: there is no terminal to ask on",
                        "run claudebox trust yourself; no option approves a project's file");
    case Answer::interrupt:
      say("Nothing was approved.\n");
      return 128 + SIGINT;
    case Answer::no:
      break;
  }
  say("Nothing was approved.\n");
  return static_cast<int>(base::ExitCode::failure);
}

}  // namespace

int trust(const Context& context) {
  base::Diagnostics problems;
  const plan::Request asked = make_own_request(context.low, context.host, problems);
  const auto root = plan::project_root(asked, context.host);
  if (!root)
    throw base::Error("there is no project here", "start in a project, or name one with --project DIR");
  const std::string file = base::path_join(*root, profile::kProjectFile);
  if (context.low.revoke && context.low.json)
    throw base::Error("--revoke and --json don't go together",
                      "--json tells what is approved, and changes nothing", base::ExitCode::usage);
  const auto project = project_say(asked, context.host, problems);
  const auto local = problems.empty() ? flakes(context, problems) : std::vector<plan::LocalFlake>{};
  if (context.low.revoke) {
    std::vector<std::string> paths = {file};
    for (const auto& flake : local) paths.push_back(base::path_join(flake.directory, "flake.nix"));
    return revoke(context, paths);
  }
  if (!problems.empty()) {
    say_problems(problems);
    return static_cast<int>(problems.exit());
  }
  std::vector<Waiting> all;
  if (project) all.push_back(of_project(context, *project));
  for (const auto& flake : local) all.push_back(of_flake(context, flake));
  if (all.empty())
    throw base::Error("this project has no " + std::string(profile::kProjectFile) +
                          ", and nothing asks for a flake of its own: " + *root,
                      "docs/profiles.md says what can stand in it");
  if (context.low.json) {  // a program is told, and can't approve
    std::vector<TrustLine> lines;
    for (const auto& waiting : all)
      lines.push_back({.path = waiting.path,
                       .flake = waiting.flake,
                       .approved = waiting.approved(),
                       .changed = waiting.flake && waiting.before
                                      ? plan::changed_files(*waiting.before, waiting.text)
                                      : std::vector<std::string>{}});
    print(trust_json(lines, project ? &project->judged : nullptr));
    return 0;
  }
  for (const auto& waiting : all) {
    if (waiting.approved()) {
      say("Approved already, as it is now: " + base::escape_for_terminal(waiting.path) + "\n");
      continue;
    }
    if (const auto status = decide(context, waiting)) return *status;
  }
  return 0;
}

}  // namespace claudebox::cli
