#include <string>

#include "plan/agent.h"

namespace claudebox::plan {
namespace {

std::string code(const std::string& path) {
  return "`" + path + "`";
}

/// One line a path, from the mounts that `wanted` picks.
template <class Predicate>
std::string list_of(const Plan& plan, const std::string& what, Predicate wanted) {
  std::string text;
  for (const auto& mount : plan.mounts) {
    if (wanted(mount)) text += "- " + code(mount.target) + ": " + what + "\n";
  }
  return text;
}

constexpr const char* kIntroduction = R"(# You run in a sandbox (claudebox)

The user started you in claudebox, a sandbox on their own machine, with permission prompts off. Nobody confirms your
commands; the sandbox is the limit. Where something below is refused or missing, that is intended: don't look for a
way around it, do what stands under "Instead" or tell the user.
)";

std::string writable(const Plan& plan) {
  const std::string project = plan.project.read_only
                                  ? " is the project, read-only (the user may not write it either).\n"
                                  : " is the project: the user's real files, changed the moment you write.\n";
  return "\n## What you can write\n\n- " + code(plan.project.root) + project +
         list_of(plan, "granted by the user, their real files.",
                 [](const Mount& mount) {
                   return mount.purpose == Purpose::extra && mount.kind == Mount::Kind::writable;
                 }) +
         "- " + code(plan.user_home) +
         R"( is a home of the box's own, kept for the next session on this project. The
  user does not look there, so put results into the project.
- `/tmp` is empty at every start and gone at the end.
)";
}

std::string read_only(const Plan& plan) {
  const std::string covers = list_of(plan, "read-only.", [](const Mount& mount) {
    return mount.purpose == Purpose::protection && mount.kind == Mount::Kind::read_only &&
           mount.target != "/proc/sys";
  });
  std::string text = R"(
## What you can read

The system (`/usr`, parts of `/etc`), the user's programs on `PATH`, and their skills, agents, commands and memory in
`~/.claude`. All of it is read-only.
)" + list_of(plan, "granted by the user, read-only.", [](const Mount& mount) {
                       return mount.purpose == Purpose::extra && mount.kind == Mount::Kind::read_only;
                     });
  if (!covers.empty()) {
    text += R"(
These belong to the project, but what they hold runs later outside the sandbox, with the user's rights. They can't be
changed from here, nor moved away:
)" + covers;
  }
  return text;
}

constexpr const char* kRefusedAtOnce = R"(
What is refused fails at once, on purpose and for every tool: "No route to host" (EHOSTUNREACH) over IPv4, "Permission
denied" (EACCES) over IPv6. Don't retry and don't look for a detour; tell the user what you need and which option
opens it.
)";

std::string port_of(const LanDestination& lan) {
  return lan.port == 0 ? "every port" : "port " + std::to_string(lan.port);
}

/// What the user opened beside the tier, one line each.
std::string opened(const Network& net) {
  std::string text;
  for (const auto& lan : net.lan)
    text += "- " + code(lan.prefix.empty() ? lan.name : lan.prefix) + ", " + port_of(lan) +
            ": private, opened by the user.\n";
  for (const auto& reached : net.reach)
    text += "- " + code("localhost:" + std::to_string(reached.port)) +
            " is that port of the user's machine: a service of theirs.\n";
  for (const auto& published : net.publish)
    text += "- A server that you start on port " + std::to_string(published.box_port) +
            " is seen by the user at " + code("http://localhost:" + std::to_string(published.host_port)) +
            ".\n";
  return text.empty() ? text : "\n" + text;
}

std::string reach_of(const Plan& plan) {
  switch (plan.network.value) {
    case Tier::full:
      return R"(The host's own network. `localhost` is the user's machine, with their services: a port may be
taken, and a server that you start is reachable by the user under the same address.
)";
    case Tier::internet:
      return R"(The public internet, by IPv4 and IPv6. The user's local network, VPNs and machine and cloud metadata addresses are
refused.
)";
    case Tier::allowlist: {
      std::string text =
          R"(Only these names. Every other name is refused without being looked up, and so is every address that none of them led
to:

)";
      for (const auto& allowed : plan.net.allow) text += "- " + code(allowed.pattern) + "\n";
      return text;
    }
    case Tier::offline:
      return "None. Downloads can't work: use what is installed or in the project.\n";
  }
  return {};
}

std::string network(const Plan& plan) {
  std::string text = "\n## Network: " + std::string(tier_name(plan.network.value)) + "\n\n" + reach_of(plan);
  if (!plan.own_network()) return text;
  if (plan.has_gateway()) text += kRefusedAtOnce;
  const bool none = plan.net.publish.empty() && plan.net.reach.empty();
  text += "\n`localhost` is the box's own" + std::string(none ? "" : ", but for the ports named below") +
          ": servers you start are reachable by you, not by the user.\n";
  return text + opened(plan.net);
}

constexpr const char* kMissing = R"(
## What is missing on purpose

- The rest of the user's home and their other projects: "No such file" says nothing about the host.
- Keys and logins: SSH and GPG agents, `~/.ssh`, cloud and registry credentials, git credential helpers, most
  environment variables.
- Docker and other daemons, systemd, D-Bus, the display, the clipboard, browsers, host processes.
- root: no `sudo`, no package manager of the system.
)";

constexpr const char* kInstead = R"(
## Instead

- Tools: `npm install -g` works and installs to `~/.local/box` (its `bin` is first on `PATH`); for Python
  `python3 -m venv`; other programs may be unpacked to `~/.local/box`. What the system lacks the user installs on the
  host.
- `git commit`, branches, merges and rebases work. `git push` and private remotes need the user's keys: commit, and
  tell the user what to push.
- `git remote add` and `git config` write `.git/config`, which is read-only: use `git -c NAME=VALUE`, fetch by URL,
  and give the user the command to run. `git config --global` holds in the box only.
- Git hooks and editor or agent settings that are read-only: write the proposal to a file of another name and tell the
  user.
- Skills, agents and commands of the user are read-only: make new ones in the project's `.claude/`.
- Containers and databases: start the server's own program if it is installed, or ask the user to start it.
- Nothing can open a browser here, so MCP servers that log in through one, `/ide` and pasted images don't work: ask
  the user to save files into the project, or to pass what is needed.
)";

constexpr const char* kNoNesting =
    "- Another sandbox (`bwrap`, your own `sandbox` setting) can't start in this box, and is not needed.\n";

constexpr const char* kLogin =
    "- Your own login comes from outside and is kept fresh there: `/login` and `/logout` change nothing "
    "here.\n";

constexpr const char* kRestart =
    R"(- Anything else from the host: the user ends this session and starts again with `claudebox --mount PATH[:rw]`,
  `--env NAME` or `--network TIER`, adding `-- --continue` to go on here. Name the exact option. For the network there
  are also `--network allowlist --allow HOST`, `--lan ADDR[:PORT]` (one private destination), `--reach PORT` (a port of
  the user's localhost) and `--publish PORT` (a server in the box, for the user's browser).
)";

}  // namespace

std::string memory_text(const Plan& plan) {
  std::string text = kIntroduction + writable(plan) + read_only(plan) + network(plan) + kMissing + kInstead;
  if (plan.uid == 0 || !plan.nested) text += kNoNesting;
  if (plan.login.mode.value == LoginMode::broker) text += kLogin;
  return text + kRestart;
}

}  // namespace claudebox::plan
