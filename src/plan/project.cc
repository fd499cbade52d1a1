#include <algorithm>
#include <array>

#include "base/hash.h"
#include "base/path.h"
#include "base/text.h"
#include "plan/build.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

/// Never a project, nor anything below: a box could change what the host runs from there.
constexpr std::array<std::string_view, 12> kSystemTrees = {
    "/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/boot", "/dev", "/proc", "/sys", "/run"};
/// Never a project themselves; directories in them may be.
constexpr std::array<std::string_view, 10> kSharedRoots = {"/var", "/opt",   "/tmp", "/home",    "/mnt",
                                                           "/srv", "/media", "/nix", "/var/lib", "/var/tmp"};
/// Below home: what they hold runs on the host or opens doors.
constexpr std::array<std::string_view, 9> kHomeTrees = {
    ".ssh", ".gnupg", ".claude", ".codex", ".gemini", ".config/opencode", ".aws", ".kube", ".docker"};

/// Why `directory` (canonical) may not be a project; empty where it may.
std::string refusal(const std::string& directory, const std::string& home, const std::string& state) {
  if (directory == "/") return "it is the root of the file system";
  if (directory == home) return "it is your home directory, and everything in it would be writable";
  if (base::is_within(home, directory)) return "your home directory lies in it";
  for (const auto tree : kSystemTrees)
    if (base::is_within(directory, tree) && !base::is_within(home, tree)) return "it belongs to the system";
  if (std::find(kSharedRoots.begin(), kSharedRoots.end(), directory) != kSharedRoots.end())
    return "it is shared by the whole system";
  if (base::is_within(directory, "/nix/store")) return "it belongs to the system";
  for (const auto tree : kHomeTrees)
    if (base::is_within(directory, base::path_join(home, tree))) return "what is in it acts on your host";
  if (base::is_within(directory, state) || base::is_within(state, directory))
    return "claudebox keeps its own state there";
  return {};
}

}  // namespace

std::string state_root(const sys::HostView& host) {
  const auto configured = host.variable("CLAUDEBOX_HOME");
  std::string path = configured && configured->starts_with('/')
                         ? *configured
                         : base::path_join(host.identity().home, ".claudebox");
  path = base::normalize(path);
  // Canonical as far as it exists: the rest is made later.
  std::string rest;
  for (std::string head = path;;) {
    if (const auto real = host.real_path(head)) return rest.empty() ? *real : base::path_join(*real, rest);
    if (head == "/") return path;
    rest = rest.empty() ? base::base_name(head) : base::base_name(head) + "/" + rest;
    head = base::parent_of(head);
  }
}

std::optional<Repository> plan_project(const Request& request, const sys::HostView& host, Plan& plan,
                                       base::Diagnostics& problems) {
  std::string start = host.current_directory();
  plan.project.origin = {base::Origin::Kind::detected, "current directory", "where claudebox was started"};
  if (request.project) {
    std::string typed = *request.project;
    if (typed == "~" || typed.starts_with("~/")) typed = host.identity().home + typed.substr(1);
    if (!typed.starts_with('/')) typed = base::path_join(start.empty() ? "/" : start, typed);
    const auto real = host.real_path(typed);
    if (!real || host.stat(*real).kind != sys::FileKind::directory) {
      problems.add("no such project directory: " + *request.project,
                   "--project takes a directory that exists");
      return std::nullopt;
    }
    start = *real;
    plan.project.origin = {base::Origin::Kind::flag, "--project " + *request.project, "asked for"};
  } else if (start.empty()) {
    problems.add("the current directory is gone", "change to a directory that exists", base::ExitCode::setup);
    return std::nullopt;
  }

  const std::string state = state_root(host);
  if (const std::string why = refusal(start, plan.user_home, state); !why.empty()) {
    problems.add(start + " can't be the project: " + why,
                 "start in a project's own directory, or name one with --project DIR");
    return std::nullopt;
  }

  std::string problem;
  auto repository = find_repository(host, start, problem);
  if (!problem.empty()) plan.notes.push_back({Note::Level::warning, problem, plan.project.origin});
  plan.project.root = start;
  plan.project.canonical_root = start;
  plan.project.directory = start;
  if (repository) {
    const std::string root = repository->work_tree.empty() ? repository->git_dir : repository->work_tree;
    if (const std::string why = refusal(root, plan.user_home, state); !why.empty()) {
      // A home directory kept in git, for instance: the directory itself is still a fine project.
      plan.notes.push_back({Note::Level::warning,
                            "the git work tree " + root + " can't be the project (" + why +
                                "): only this directory is, and git does not work in it",
                            plan.project.origin});
      repository.reset();
    } else {
      plan.project.root = root;
      plan.project.canonical_root = repository->canonical_root;
      plan.project.origin.reason = "the git work tree around it";
    }
  }
  plan.project.read_only = !host.writable(plan.project.root);
  if (plan.project.read_only)
    plan.notes.push_back({Note::Level::warning, "you may not write the project, so the box may not either",
                          plan.project.origin});
  return repository;
}

void plan_instance(const Request& request, const sys::HostView& host, Plan& plan,
                   base::Diagnostics& problems) {
  plan.instance.id =
      base::sha256_hex(std::to_string(plan.uid) + ":" + plan.project.canonical_root).substr(0, 16);
  if (request.instance) {
    const auto is_plain = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
             c == '_' || c == '.';
    };
    const std::string& name = *request.instance;
    if (name.empty() || name.size() > 32 || name.front() == '.' ||
        !std::all_of(name.begin(), name.end(), is_plain)) {
      problems.add("not a name for an instance: '" + name + "'",
                   "up to 32 letters, digits, '-', '_' and '.', not starting with '.'");
      return;
    }
    plan.instance.id += "-" + name;
  }
  plan.instance.directory = base::path_join(state_root(host), "instances/" + plan.instance.id);
  plan.instance.home = plan.instance.directory + "/home";
  plan.instance.share = request.share_instance;
}

}  // namespace claudebox::plan
