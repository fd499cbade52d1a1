// Theory of operation
//
// Nix evaluates programs, git runs what a repository's configuration names, and both are the project's. The Nix client may
// talk to the daemon, which is root for a trusted user, or may write the store, out of which the host runs its programs. So
// the two never meet: git copies the files in a box that has no Nix and no network, and Nix evaluates the copy, in which
// there is no configuration, in a box that has no project.
//
// That second box has the tier internet: what evaluation fetches comes from the internet, and never from this machine's
// loopback or its local network. What the daemon builds or fetches is the daemon's doing, outside of any box.
#include "plan/resolver_box.h"

#include <algorithm>
#include <array>

#include "base/path.h"
#include "base/text.h"
#include "plan/nix_conf.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

using base::ExitCode;

const base::Origin kOrigin{base::Origin::Kind::builtin, "packages", "where Nix works"};

void bind(const sys::HostView& host, Plan& plan, const std::string& path, bool writable,
          const std::string& target = {}) {
  const auto real = host.real_path(path);
  if (!real) return;
  plan.mounts.push_back({.kind = writable ? Mount::Kind::writable : Mount::Kind::read_only,
                         .target = target.empty() ? base::normalize(path) : target,
                         .source = *real,
                         .purpose = Purpose::extra,
                         .origin = kOrigin});
}

/// One without which nothing could be done there.
void bind_needed(const sys::HostView& host, Plan& plan, const std::string& path, bool writable,
                 const std::string& target, base::Diagnostics& problems) {
  if (!host.real_path(path)) problems.add(path + " is gone", "start again", ExitCode::setup);
  bind(host, plan, path, writable, target);
}

void put(Plan& plan, const std::string& name, const std::string& value) {
  std::erase_if(plan.env, [&](const EnvVar& variable) { return variable.name == name; });
  plan.env.push_back({.name = name, .value = value, .origin = kOrigin});
}

/// Git in these boxes does what it is told here, whatever a repository says. Of what names a program only a filter's own
/// name could not be overridden.
void configure_git(Plan& plan) {
  constexpr auto kSettings = std::to_array<std::pair<const char*, const char*>>(
      {{"safe.directory", "*"}, {"core.fsmonitor", "false"}, {"core.hooksPath", "/dev/null"}});
  put(plan, "GIT_CONFIG_COUNT", std::to_string(kSettings.size()));
  for (std::size_t i = 0; i < kSettings.size(); ++i) {
    put(plan, "GIT_CONFIG_KEY_" + std::to_string(i), kSettings.at(i).first);
    put(plan, "GIT_CONFIG_VALUE_" + std::to_string(i), kSettings.at(i).second);
  }
}

/// The box's system part, an empty home, and a network.
Plan skeleton(Tier tier, const sys::HostView& host, base::Diagnostics& problems) {
  Plan plan = plan_of_user(host);
  plan.bwrap = find_program(host, "bwrap").value_or("/usr/bin/bwrap");
  plan.new_session = true;
  plan.scope_abstract_sockets = host.landlock_abi() >= 6;
  plan.instance.id = "packages";
  plan.project.root = plan.project.directory = "/";
  plan.project.read_only = true;
  Request request;
  request.network = {tier, kOrigin};
  plan_network(request, host, plan, problems);
  plan_system(host, plan);
  plan_etc(host, plan);
  plan.mounts.push_back({.kind = Mount::Kind::tmpfs,
                         .target = plan.user_home,
                         .mode = 0700,
                         .purpose = Purpose::home,
                         .origin = kOrigin});
  return plan;
}

Plan finish(Plan plan, const sys::HostView& host, base::Diagnostics& problems) {
  arrange_mounts(host, plan, problems);
  const Request nothing_more;
  plan_env(nothing_more, host, plan, problems);
  put(plan, "HOME", plan.user_home);
  put(plan, "LC_ALL", "C.UTF-8");
  configure_git(plan);
  std::vector<std::string> path;
  for (const auto* name : {"git", "nix"})
    if (const auto found = find_program(host, name))
      path.push_back(base::parent_of(host.real_path(*found).value_or(*found)));
  const auto old = std::find_if(plan.env.begin(), plan.env.end(),
                                [](const EnvVar& variable) { return variable.name == "PATH"; });
  path.push_back(old == plan.env.end() ? "/usr/bin:/bin" : old->value);
  put(plan, "PATH", base::join(path, ":"));
  return plan;
}

/// A program of Nix where the box has it: a profile below home it has not, but the store that this links to. By its own
/// name: nix-store is a link to nix, which looks at what it was called.
std::string path_in_box(const sys::HostView& host, const std::string& program) {
  const std::string real = host.real_path(program).value_or(program);
  return base::is_within(real, "/nix/store")
             ? base::path_join(base::parent_of(real), base::base_name(program))
             : program;
}

std::string copy_script(const Package& package, const std::string& from) {
  const std::string copy = "tar -C " + base::shell_quote(from) + " --create --file - ";
  const std::string unpack = " | tar -C /copy --extract --file -";
  if (package.repository.empty()) return "set -e; " + copy + "--exclude-vcs ." + unpack;
  // A name that is tracked and gone is left out, a submodule is an empty directory.
  return "set -e; cd " + base::shell_quote(from) + "; git ls-files -z --cached >/tmp/names; " + copy +
         "--no-recursion --ignore-failed-read --null --verbatim-files-from --files-from /tmp/names "
         "2>/tmp/missing" +
         unpack;
}

}  // namespace

NixStore nix_store(const sys::HostView& host) {
  const std::string remote = host.variable("NIX_REMOTE").value_or("");
  const bool socket = host.stat("/nix/var/nix/daemon-socket/socket").kind == sys::FileKind::socket;
  if (remote == "daemon") return NixStore::daemon;
  if (host.identity().uid == 0 && socket) return NixStore::daemon;
  const bool own = host.stat("/nix/var/nix").exists() ? host.writable("/nix/var/nix") : host.writable("/nix");
  if (own) return NixStore::single_user;
  return socket ? NixStore::daemon : NixStore::none;
}

std::optional<Plan> copy_box(const Package& package, CopyStep step, const std::string& destination,
                             const sys::HostView& host, base::Diagnostics& problems) {
  const std::string from = package.repository.empty() ? package.flake : package.repository;
  Plan plan = skeleton(Tier::offline, host, problems);
  if (const auto git = find_program(host, "git");
      git && base::is_within(host.real_path(*git).value_or(*git), "/nix/store"))
    bind(host, plan, "/nix/store", false);
  if (step == CopyStep::files) {
    bind_needed(host, plan, from, false, from, problems);
    for (const auto& directory : package.git_directories)
      bind_needed(host, plan, directory, false, directory, problems);
  }
  bind_needed(host, plan, destination, true, "/copy", problems);
  plan = finish(std::move(plan), host, problems);
  plan.command = {
      .action = Action::command,
      .argv = {"/bin/sh", "-c",
               step == CopyStep::files ? copy_script(package, from)
                                       : "set -e; cd /copy; git init --quiet; git add --all --force"},
      .display = "copying a flake"};
  if (!problems.empty()) return std::nullopt;
  return plan;
}

std::optional<Plan> nix_box(const Package& package, const NixTask& task, const sys::HostView& host,
                            base::Diagnostics& problems) {
  const NixStore store = nix_store(host);
  if (store == NixStore::none) {
    problems.add(
        "nix is installed, and no store of it can be used: there is no daemon, and /nix is not yours",
        "start the daemon (systemctl start nix-daemon), or make /nix yours: sudo install -d -o " +
            host.identity().user + " /nix",
        ExitCode::setup);
    return std::nullopt;
  }
  const auto program = find_program(host, task.program);
  if (!program) {
    problems.add(task.program + " is not installed", "install the package nix-bin, or Nix itself",
                 ExitCode::setup);
    return std::nullopt;
  }
  Plan plan = skeleton(task.network ? Tier::internet : Tier::offline, host, problems);
  bind(host, plan, "/nix", store == NixStore::single_user);
  for (const auto& directory : nix_configuration(host)) bind(host, plan, directory, false);
  bind_needed(host, plan, package.entry, true, package.entry, problems);
  bind_needed(host, plan, task.cache, true, task.cache, problems);
  if (!task.flake.empty()) bind_needed(host, plan, task.flake, false, kFlakePlace, problems);
  plan = finish(std::move(plan), host, problems);
  put(plan, "XDG_CACHE_HOME", task.cache);
  if (store == NixStore::daemon) put(plan, "NIX_REMOTE", "daemon");
  if (const auto config = host.variable("NIX_CONFIG")) put(plan, "NIX_CONFIG", *config);
  if (!task.flake.empty()) plan.project.directory = kFlakePlace;
  plan.command = {.action = Action::command, .argv = {path_in_box(host, *program)}, .display = task.program};
  plan.command.argv.insert(plan.command.argv.end(), task.arguments.begin(), task.arguments.end());
  if (!problems.empty()) return std::nullopt;
  return plan;
}

}  // namespace claudebox::plan
