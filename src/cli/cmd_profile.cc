// `claudebox profile`: list, show, check, new and import. What a profile means is the layer profile's to say.
#include <algorithm>

#include "base/path.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/request.h"
#include "instance/own_files.h"
#include "plan/build.h"
#include "profile/examples.h"
#include "profile/files.h"
#include "profile/import.h"
#include "profile/keys.h"
#include "profile/load.h"
#include "profile/parse.h"
#include "profile/write.h"

namespace claudebox::cli {
namespace {

constexpr const char* kDirectory = "profiles";
constexpr std::size_t kLargestImport = std::size_t{256} << 10U;

int failed(const base::Diagnostics& problems) {
  say_problems(problems);
  return static_cast<int>(problems.exit());
}

bool is_file_name(const std::string& argument) {
  return argument.find('/') != std::string::npos || argument.ends_with(".toml");
}

/// What the first line of the file says of it, where that is a comment.
std::string first_comment(const sys::HostView& host, const std::string& name) {
  const std::string head = host.read_head(profile::profile_path(host, name), 256).value_or("");
  if (!head.starts_with('#')) return {};
  return std::string(base::trim(std::string_view(head).substr(1, head.find('\n') - 1)));
}

profile::Source read_any(const Context& context, const std::string& argument) {
  const std::string path = base::path_join(context.host.current_directory(), argument);
  auto opened = context.host.open_file(context.host.real_path(path).value_or(path), kLargestImport);
  if (opened.info.kind != sys::FileKind::file || opened.too_large)
    throw base::Error("can't read " + path + ": it is no file of at most " + base::human_size(kLargestImport),
                      "name an existing file");
  return {.name = base::base_name(path), .text = std::move(opened.content), .path = path};
}

void make(const Context& context, const std::string& name, const std::string& text) {
  if (!profile::is_profile_name(name))
    throw base::Error("'" + name + "' can't be the name of a profile",
                      "letters, digits, -, _ and dots inside, at most 64", base::ExitCode::usage);
  const std::string path = profile::profile_path(context.host, name);
  if (!instance::store_own_file(state_root(context), context.host.identity().uid, kDirectory, name + ".toml",
                                text, instance::Existing::keep))
    throw base::Error(path + " is there already", "take another name, or edit that one");
  print(path + "\n");
}

/// One profile with what it extends; true where it is in order.
bool check_one(const Context& context, const std::string& name) {
  base::Diagnostics problems;
  profile::load(profile::Choice{name, {base::Origin::Kind::flag, "profile check", ""}}, context.host,
                problems);
  say_problems(problems);
  return problems.empty();
}

int check_all(const Context& context) {
  base::Diagnostics problems;
  profile::load(std::nullopt, context.host, problems);
  const LowArgs own;
  base::Diagnostics of_project;
  if (problems.empty() && plan::project_root({}, context.host))
    project_say(make_own_request(own, context.host, of_project), context.host, of_project);
  say_problems(problems);
  say_problems(of_project);
  std::size_t wrong = problems.empty() && of_project.empty() ? 0 : 1;
  const auto names = profile::profile_names(context.host);
  // What is wrong in config.toml would be said again with each.
  if (problems.empty())
    for (const auto& name : names) wrong += check_one(context, name) ? 0 : 1;
  if (wrong != 0) return static_cast<int>(base::ExitCode::usage);
  say(std::to_string(names.size()) + (names.size() == 1 ? " profile" : " profiles") + " in order.\n");
  return 0;
}

}  // namespace

int list_profiles(const Context& context) {
  const auto names = profile::profile_names(context.host);
  if (context.low.json) {
    std::vector<ListedProfile> all;
    for (const auto& name : names)
      all.push_back({name, profile::profile_path(context.host, name), first_comment(context.host, name)});
    print(profiles_json(all));
    return 0;
  }
  if (names.empty()) {
    say("No profiles yet: claudebox profile new NAME makes one.\n");
    return 0;
  }
  std::size_t width = 0;
  for (const auto& name : names) width = std::max(width, name.size());
  std::string out;
  for (const auto& name : names) {
    const std::string about = first_comment(context.host, name);
    out += name;
    if (!about.empty()) out += std::string(width - name.size() + 2, ' ') + base::escape_for_terminal(about);
    out += "\n";
  }
  print(out);
  return 0;
}

int show_profile(const Context& context) {
  base::Diagnostics problems;
  const auto settings =
      profile::load(profile::Choice{context.low.argument, {base::Origin::Kind::flag, "profile show", ""}},
                    context.host, problems);
  if (!problems.empty()) return failed(problems);
  print(context.low.json ? profile_json(context.low.argument, settings) : profile::show(settings));
  return 0;
}

int check_profile(const Context& context) {
  const std::string& argument = context.low.argument;
  if (argument.empty()) return check_all(context);
  base::Diagnostics problems;
  if (is_file_name(argument)) {
    const auto source = read_any(context, argument);
    const bool project = source.name == profile::kProjectFile;
    profile::load_file(source, {context.host, project ? base::parent_of(source.path) : std::string()},
                       plan::SettingsFile::Kind::profile, problems);
  } else {
    profile::load(profile::Choice{argument, {base::Origin::Kind::flag, "profile check", ""}}, context.host,
                  problems);
  }
  if (!problems.empty()) return failed(problems);
  say(base::escape_for_terminal(argument) + " is in order.\n");
  return 0;
}

int new_profile(const Context& context) {
  const std::string wanted = context.low.like.value_or("plain");
  std::vector<std::string> names;
  for (const auto& example : profile::examples()) {
    if (example.name == wanted) {
      make(context, context.low.argument, std::string(example.text));
      return 0;
    }
    names.emplace_back(example.name);
  }
  throw base::Error("there is no example '" + wanted + "'", "one of: " + base::join(names, ", "),
                    base::ExitCode::usage);
}

int import_profile(const Context& context) {
  const auto source = read_any(context, context.low.argument);
  base::Diagnostics problems;
  const auto text = profile::import_shell_profile(source, {context.host, {}}, problems);
  if (!text) return failed(problems);
  const std::string name = context.low.as.value_or(source.name.substr(0, source.name.rfind('.')));
  make(context, name, *text);
  return 0;
}

int print_profiles(const Context& context) {
  std::string out;
  for (const auto& name : profile::profile_names(context.host))
    out += name + "\t" + base::escape_for_terminal(first_comment(context.host, name)) + "\n";
  print(out);
  return 0;
}

int print_profile_schema(const LowArgs&) {
  print(profile::json_schema());
  return 0;
}

}  // namespace claudebox::cli
