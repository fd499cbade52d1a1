#include <algorithm>
#include <array>

#include "base/path.h"
#include "base/text.h"
#include "net/name_pattern.h"
#include "plan/agent.h"
#include "plan/box_view.h"
#include "plan/packages.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

using base::ExitCode;

std::string value_of(const Plan& plan, std::string_view name) {
  for (const auto& variable : plan.env)
    if (variable.name == name) return variable.value;
  return {};
}

std::string for_people(const std::vector<std::string>& argv) {
  std::vector<std::string> words;
  for (const auto& word : argv) words.push_back(base::shell_quote(word));
  return base::join(words, " ");
}

/// A script whose interpreter the box lacks fails with "No such file" on the script itself: say what is
/// meant.
std::string missing_interpreter(const BoxView& view, const sys::HostView& host, const BoxFile& file) {
  if (file.host_path.empty()) return {};
  const auto head = host.read_head(file.host_path, 256);
  if (!head || !head->starts_with("#!")) return {};
  const std::string_view line = base::trim(std::string_view(*head).substr(2, head->find('\n') - 2));
  const std::string interpreter(line.substr(0, line.find_first_of(" \t")));
  if (!interpreter.starts_with('/')) return {};
  const auto found = view.find(interpreter);
  return found && view.is_program(*found) ? std::string() : interpreter;
}

/// As execvp(3) would find it in the box: from the project's directory where it names a path, else along
/// PATH.
class CommandSearch {
 public:
  CommandSearch(const Plan& plan, const sys::HostView& host) : plan_(plan), host_(host), view_(plan, host) {}

  std::optional<std::string> find(const std::string& name, base::Diagnostics& problems) const {
    std::optional<std::string> unusable;
    for (const auto& candidate : candidates(name)) {
      const auto file = view_.find(candidate);
      if (!file) continue;
      if (!view_.is_program(*file)) {
        if (!unusable) unusable = candidate;
        continue;
      }
      if (const auto interpreter = missing_interpreter(view_, host_, *file); !interpreter.empty()) {
        problems.add("can't execute " + candidate + ": its interpreter " + interpreter + " is not in the box",
                     "grant it with --mount, or install it in the box", ExitCode::cannot_execute);
        return std::nullopt;
      }
      return candidate;
    }
    if (unusable && name.find('/') != std::string::npos) {
      problems.add("can't execute " + *unusable + ": it is not an executable file",
                   "chmod +x makes a file executable", ExitCode::cannot_execute);
    } else if (packages_resolved(plan_)) {
      problems.add("command not found in the box: " + name, hint(name), ExitCode::command_not_found);
    } else {
      return name;  // looked for again when they are there
    }
    return std::nullopt;
  }

 private:
  std::vector<std::string> candidates(const std::string& name) const {
    if (name.empty()) return {};
    if (name.find('/') != std::string::npos)
      return {base::normalize(base::path_join(plan_.project.directory, name))};
    std::vector<std::string> out;
    for (const auto& directory : base::split(value_of(plan_, "PATH"), ':'))
      out.push_back(base::path_join(directory, name));
    return out;
  }

  std::string hint(const std::string& name) const {
    std::vector<std::string> places = {name};
    if (name.find('/') == std::string::npos) places = base::split(host_.variable("PATH").value_or(""), ':');
    for (const auto& place : places) {
      const std::string path = name.find('/') == std::string::npos ? base::path_join(place, name) : place;
      if (path.starts_with('/') && host_.executable(path))
        return "your host has it as " + path + ", which is not in the box: grant it with --mount " +
               base::shell_quote(base::parent_of(path));
    }
    return "install it on the host (below /usr or on your PATH), or in the box";
  }

  const Plan& plan_;
  const sys::HostView& host_;
  BoxView view_;
};

/// In the tier allowlist an agent needs what it talks to; what that is, the user knows best where they moved it.
void note_hosts(const Agent& agent, Plan& plan) {
  if (plan.network.value != Tier::allowlist || agent.hosts.empty()) return;
  for (const auto& variable : plan.env)
    if (variable.name.ends_with("_BASE_URL")) return;
  for (const auto& allowed : plan.net.allow) {
    const auto pattern = net::NamePattern::parse(allowed.pattern);
    if (pattern && std::any_of(agent.hosts.begin(), agent.hosts.end(),
                               [&](std::string_view host) { return pattern->matches(host); }))
      return;
  }
  const std::vector<std::string> hosts(agent.hosts.begin(), agent.hosts.end());
  plan.notes.push_back(
      {Note::Level::warning,
       std::string(agent.name) + " talks to " + base::join(hosts, " or ") + ", which no --allow names",
       {base::Origin::Kind::builtin, std::string(agent.name), "where its model answers"}});
}

}  // namespace

void plan_command(const Request& request, const sys::HostView& host, Plan& plan,
                  base::Diagnostics& problems) {
  plan.command.action = request.action;
  std::vector<std::string> argv = request.arguments;
  std::string shown;
  if (request.action == Action::agent) {
    const Agent& agent = agent_of(plan);
    const auto program = find_agent(host, agent);
    if (!program) {
      problems.add("no agent found: " + std::string(agent.command) + " is not on your PATH",
                   std::string(agent.install_hint), ExitCode::command_not_found);
      return;
    }
    note_hosts(agent, plan);
    argv = agent_command(agent, *program, request.arguments);
    std::vector<std::string> named = argv;
    named.front() = agent.command;
    shown = for_people(named);
  } else if (request.action == Action::shell) {
    argv = {value_of(plan, "SHELL")};
    argv.insert(argv.end(), request.arguments.begin(), request.arguments.end());
  }
  if (request.action == Action::selftest) {
    argv = {"/run/claudebox/probe"};  // put there, with its arguments, by the selftest itself
    shown = "selftest";
  }
  if (argv.empty() || argv.front().empty()) {
    problems.add("no command to run", "claudebox run COMMAND [ARG...]");
    return;
  }
  plan.command.display = shown.empty() ? for_people(argv) : shown;
  if (request.action != Action::selftest) {
    const auto program = CommandSearch(plan, host).find(argv.front(), problems);
    if (!program) return;
    argv.front() = *program;
  }
  plan.command.argv = std::move(argv);
}

}  // namespace claudebox::plan
