#include "plan/build.h"

#include "base/path.h"
#include "base/text.h"
#include "plan/agent.h"
#include "plan/bwrap_args.h"
#include "plan/git.h"
#include "plan/lifted.h"
#include "plan/limits.h"
#include "plan/packages.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

void add_git_configuration(const sys::HostView& host, Plan& plan) {
  plan.mounts.push_back(
      {.kind = Mount::Kind::file,
       .target = "/etc/gitconfig",
       .content = box_gitconfig(host, plan),
       .mode = 0444,
       .origin = {base::Origin::Kind::builtin, "generated", "your name and e-mail, nothing else"}});
}

void add_project(Plan& plan) {
  plan.mounts.push_back({.kind = plan.project.read_only ? Mount::Kind::read_only : Mount::Kind::writable,
                         .target = plan.project.root,
                         .source = plan.project.root,
                         .purpose = Purpose::project,
                         .origin = plan.project.origin});
}

/// What bwrap takes (MAX_ARGS in bubblewrap.c), with some room for what the launch adds.
constexpr std::size_t kMostWords = 9000 - 64;

void check_size(const Request& request, const Plan& plan, base::Diagnostics& problems) {
  // What the printed command has; the paths of packages apart, which only the launch takes in any number.
  const std::size_t words =
      bwrap_launch_options(plan, "/").size() + 3 * plan.mounts.size() + plan.command.argv.size();
  if (words <= kMostWords) return;
  problems.add("the box is too large: bubblewrap takes at most " + std::to_string(kMostWords) +
                   " arguments, and this plan has " + std::to_string(words),
               std::to_string(request.mounts.size()) + " mounts and " + std::to_string(request.env.size()) +
                   " variables were asked for: mount the directory that holds many of them instead",
               base::ExitCode::setup);
}

}  // namespace

Plan plan_of_user(const sys::HostView& host) {
  Plan plan;
  const auto& me = host.identity();
  plan.uid = me.uid;
  plan.gid = me.gid;
  plan.user = me.user;
  plan.user_home = host.real_path(me.home).value_or(base::normalize(me.home));
  return plan;
}

std::string expand_path(const sys::HostView& host, const std::string& typed) {
  if (typed == "~" || typed.starts_with("~/")) return host.identity().home + typed.substr(1);
  return base::path_join(host.current_directory(), typed);
}

std::optional<std::string> find_program(const sys::HostView& host, const std::string& name) {
  for (const auto& entry :
       base::split(host.variable("PATH").value_or("") + ":/usr/bin:/usr/local/bin", ':')) {
    std::string candidate = base::path_join(entry, name);
    if (entry.starts_with('/') && host.stat(candidate).kind == sys::FileKind::file &&
        host.executable(candidate))
      return candidate;
  }
  return std::nullopt;
}

void plan_notes(const sys::HostView& host, Plan& plan) {
  const base::Origin origin{base::Origin::Kind::detected, "host", "a fact about this host"};
  if (plan.network.value == Tier::full && !plan.scope_abstract_sockets)
    plan.notes.push_back(
        {Note::Level::warning,
         "the host's abstract sockets are reachable: this kernel's Landlock can't scope them "
         "(Linux 6.12 and later can)",
         origin});
  if (plan.uid == 0) {
    plan.notes.push_back(
        {Note::Level::warning,
         "runs as root: a sandbox of the agent's own can't start inside, and files it makes belong "
         "to root",
         origin});
    if (host.identity().sudo_uid)
      plan.notes.push_back({Note::Level::warning,
                            "started through sudo: claudebox needs no root, run it as yourself",
                            {base::Origin::Kind::environment, "SUDO_UID", "set by sudo"}});
  }
}

std::optional<Plan> build(const Request& request, const sys::HostView& host, base::Diagnostics& problems) {
  Plan plan = plan_of_user(host);
  plan.agent = request.agent;
  // Whether it is there and suffices shows at the start.
  plan.bwrap = find_program(host, "bwrap").value_or("/usr/bin/bwrap");
  plan.new_session = !host.is_terminal(0) && !host.is_terminal(1) && !host.is_terminal(2);
  plan.scope_abstract_sockets = host.landlock_abi() >= 6;

  if (host.stat(plan.user_home).kind != sys::FileKind::directory)
    problems.add("your home directory " + plan.user_home + " can't be read",
                 "set HOME to a directory of yours", base::ExitCode::setup);
  plan.files = request.files;
  plan.lifted = request.lifted;
  plan.always_ask = request.always_ask.value;
  plan.nested = request.nested.value;
  plan.notes = request.notes;
  note_lifted(plan);
  check_network(request, problems);
  const auto repository = plan_project(request, host, plan, problems);
  if (!problems.empty()) return std::nullopt;
  plan_instance(request, host, plan, problems);
  plan_network(request, host, plan, problems);

  plan_system(host, plan);
  plan_etc(host, plan);
  plan_home(host, plan);
  add_project(plan);
  plan_repository(host, repository, plan);
  plan_project_protection(host, plan);
  add_git_configuration(host, plan);
  const Agent& agent = agent_of(plan);
  if (const auto program = find_agent(host, agent))
    for (auto& mount : agent_program_mounts(host, agent, *program)) plan.mounts.push_back(std::move(mount));
  plan_nix_daemon(request, host, plan, problems);
  plan_extra_mounts(request, host, plan, problems);
  plan_packages(request, host, plan, problems);
  plan_env(request, host, plan, problems);
  plan_login(request, host, agent, plan, problems);
  plan_notes(host, plan);
  plan_proxy_notes(plan);
  plan_agent_state(host, agent, plan);
  arrange_mounts(host, plan, problems);
  plan_limits(request, host, plan, problems);
  plan_command(request, host, plan, problems);
  if (problems.empty()) check_size(request, plan, problems);
  if (!problems.empty()) return std::nullopt;
  return plan;
}

std::optional<std::string> instance_id(const Request& request, const sys::HostView& host,
                                       base::Diagnostics& problems) {
  Plan plan = plan_of_user(host);
  plan_project(request, host, plan, problems);
  if (problems.empty()) plan_instance(request, host, plan, problems);
  if (!problems.empty()) return std::nullopt;
  return plan.instance.id;
}

std::optional<std::string> project_root(const Request& request, const sys::HostView& host) {
  Plan plan = plan_of_user(host);
  base::Diagnostics problems;
  plan_project(request, host, plan, problems);
  if (!problems.empty()) return std::nullopt;
  return plan.project.root;
}

const char* settings_file_name(SettingsFile::Kind kind) {
  switch (kind) {
    case SettingsFile::Kind::defaults:
      return "defaults";
    case SettingsFile::Kind::profile:
      return "profile";
    case SettingsFile::Kind::project:
      return "project";
  }
  return "?";
}

const char* tier_name(Tier tier) {
  switch (tier) {
    case Tier::full:
      return "full";
    case Tier::internet:
      return "internet";
    case Tier::allowlist:
      return "allowlist";
    case Tier::offline:
      return "offline";
  }
  return "?";
}

}  // namespace claudebox::plan
