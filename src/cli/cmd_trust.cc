// `claudebox trust`: a project's own file is shown and approved, or the approval taken back.
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
#include "render/trust.h"

namespace claudebox::cli {
namespace {

constexpr const char* kDirectory = "trust";

void store(const Context& context, const profile::Source& source) {
  const std::string path = profile::approval_path(context.host, source.path);
  instance::store_own_file(state_root(context), context.host.identity().uid, kDirectory,
                           base::base_name(path), profile::format_approval({source.path, source.text}),
                           instance::Existing::replace);
}

int revoke(const Context& context, const std::string& root) {
  const std::string file = base::path_join(root, profile::kProjectFile);
  const bool was_there =
      instance::remove_own_file(state_root(context), context.host.identity().uid, kDirectory,
                                base::base_name(profile::approval_path(context.host, file)));
  say((was_there ? "Approval taken back: " : "Nothing was approved of ") + base::escape_for_terminal(file) +
      "\n");
  return 0;
}

/// What the person decides about: the file's text, new or with what changed, and what of it adds something.
void show(const Context& context, const ProjectSay& project) {
  base::Diagnostics unreadable;
  const auto before = profile::read_approval(context.host, project.source.path, unreadable);
  const render::Style style = style_for(STDERR_FILENO, context.host);
  say(render::trust_question({.path = project.source.path,
                              .text = project.source.text,
                              .before = before ? std::optional(before->text) : std::nullopt,
                              .widening =
                                  [&] {
                                    std::vector<std::string> out;
                                    for (const auto& entry : project.judged.widening)
                                      out.push_back(profile::describe(entry));
                                    return out;
                                  }()},
                             style));
}

}  // namespace

int trust(const Context& context) {
  base::Diagnostics problems;
  const plan::Request asked = make_own_request(context.low, context.host, problems);
  const auto root = plan::project_root(asked, context.host);
  if (!root)
    throw base::Error("there is no project here", "start in a project, or name one with --project DIR");
  if (context.low.revoke && context.low.json)
    throw base::Error("--revoke and --json don't go together",
                      "--json tells what is approved, and changes nothing", base::ExitCode::usage);
  if (context.low.revoke) return revoke(context, *root);
  const auto project = project_say(asked, context.host, problems);
  if (!problems.empty()) {
    say_problems(problems);
    return static_cast<int>(problems.exit());
  }
  if (!project)
    throw base::Error("this project has no " + std::string(profile::kProjectFile) + ": " + *root,
                      "docs/profiles.md says what can stand in it");
  base::Diagnostics unreadable;
  const auto before = profile::read_approval(context.host, project->source.path, unreadable);
  const bool approved = before && before->text == project->source.text;
  if (context.low.json) {  // a program is told, and can't approve
    print(trust_json(project->source.path, approved, project->judged));
    return 0;
  }
  if (approved) {
    say("Approved already, as it is now: " + base::escape_for_terminal(project->source.path) + "\n");
    return 0;
  }
  show(context, *project);
  switch (ask("Approve it? [y/N]", Reply::no)) {
    case Answer::yes:
      store(context, project->source);
      say("Approved, until it changes. claudebox trust --revoke takes it back.\n");
      return 0;
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

}  // namespace claudebox::cli
