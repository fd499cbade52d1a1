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
  for (const auto& mount : plan.mounts)
    if (wanted(mount)) text += "- " + code(mount.target) + ": " + what + "\n";
  return text;
}

std::string where(const Plan& plan) {
  return "# You run in a sandbox (claudebox)\n\n"
         "The user started you in claudebox, a sandbox on their own machine, with permission prompts off. "
         "Nobody "
         "confirms your commands; the sandbox is the limit. Where something below is refused or missing, "
         "that is "
         "intended: don't look for a way around it, do what is said under \"Instead\" or tell the user.\n\n"
         "## What you can write\n\n" +
         (plan.project.read_only
              ? "- " + code(plan.project.root) +
                    " is the project, read-only (the user may not write it either).\n"
              : "- " + code(plan.project.root) +
                    " is the project: the user's real files, changed the moment you write.\n") +
         list_of(
             plan, "granted by the user, their real files.",
             [](const Mount& m) { return m.purpose == Purpose::extra && m.kind == Mount::Kind::writable; }) +
         "- " + code(plan.user_home) +
         " is a home of the box's own, kept for the next session on this project. The user does not look "
         "there, so "
         "put results into the project.\n"
         "- `/tmp` is empty at every start and gone at the end.\n\n";
}

std::string read_only(const Plan& plan) {
  const std::string covers = list_of(plan, "read-only in the box.", [](const Mount& m) {
    return m.purpose == Purpose::protection && m.kind == Mount::Kind::read_only && m.target != "/proc/sys";
  });
  std::string text =
      "## What you can read\n\nThe system (`/usr`, parts of `/etc`), the user's programs on `PATH`, "
      "and their skills, agents, commands and memory in `~/.claude`. All of it is read-only.\n" +
      list_of(plan, "granted by the user, read-only.",
              [](const Mount& m) { return m.purpose == Purpose::extra && m.kind == Mount::Kind::read_only; });
  if (!covers.empty())
    text +=
        "\nThese belong to the project, but what they hold runs later outside the sandbox, with the user's "
        "rights. They can't be changed from here, nor moved away:\n" +
        covers;
  return text + "\n";
}

std::string network(const Plan& plan) {
  std::string text = "## Network: " + std::string(tier_name(plan.network.value)) + "\n\n";
  switch (plan.network.value) {
    case Tier::full:
      text +=
          "The host's own network. `localhost` is the user's machine, with their services: a port may be "
          "taken, "
          "and a server that you start is reachable by the user under the same address.\n";
      break;
    case Tier::internet:
      text +=
          "The public internet. The local network, the user's machine and cloud metadata addresses are "
          "refused. "
          "`localhost` is the box's own: servers you start are reachable by you, not by the user.\n";
      break;
    case Tier::allowlist:
      text +=
          "Only the names that the user granted; every other one is refused at once. `localhost` is the "
          "box's "
          "own: servers you start are reachable by you, not by the user.\n";
      break;
    case Tier::offline:
      text +=
          "None but `localhost`, which is the box's own: servers you start are reachable by you, not by the "
          "user. Downloads can't work; use what is installed or in the project.\n";
      break;
  }
  return text + "\n";
}

std::string missing() {
  return "## What is missing on purpose\n\n"
         "- The rest of the user's home and their other projects: \"No such file\" says nothing about the "
         "host.\n"
         "- Keys and logins: SSH and GPG agents, `~/.ssh`, cloud and registry credentials, git credential "
         "helpers, "
         "most environment variables.\n"
         "- Docker and other daemons, systemd, D-Bus, the display, the clipboard, browsers, host processes.\n"
         "- root: no `sudo`, no package manager of the system.\n\n";
}

std::string instead(const Plan& plan) {
  std::string text =
      "## Instead\n\n"
      "- Tools: `npm install -g` works and installs to `~/.local/box` (its `bin` is first on `PATH`); for "
      "Python "
      "`python3 -m venv`; other programs may be unpacked to `~/.local/box`. What the system lacks the user "
      "installs "
      "on the host.\n"
      "- `git commit`, branches, merges and rebases work. `git push` and private remotes need the user's "
      "keys: "
      "commit, and tell the user what to push.\n"
      "- `git remote add` and `git config` write `.git/config`, which is read-only: use `git -c NAME=VALUE`, "
      "fetch by "
      "URL, and give the user the command to run. `git config --global` holds in the box only.\n"
      "- Git hooks and editor or agent settings that are read-only: write the proposal to a file of another "
      "name "
      "and tell the user.\n"
      "- Skills, agents and commands: those of the user are read-only; make new ones in the project's "
      "`.claude/`.\n"
      "- Containers and databases: start the server's own program if it is installed, or ask the user to "
      "start it.\n"
      "- Logins in a browser, `/login`, MCP servers that need OAuth, `/ide`, pasted images: don't work here. "
      "Ask "
      "the user to save files into the project, or to pass what is needed.\n";
  if (plan.uid == 0 || !plan.nested)
    text +=
        "- Another sandbox (`bwrap`, your own `sandbox` setting) can't start in this box, and is not "
        "needed.\n";
  return text +
         "- Anything else from the host: the user ends this session and starts again with `claudebox --mount "
         "PATH[:rw]`, `--env NAME` or `--network TIER`, adding `-- --continue` to go on here. Name the exact "
         "option.\n";
}

}  // namespace

std::string memory_text(const Plan& plan) {
  return where(plan) + read_only(plan) + network(plan) + missing() + instead(plan);
}

}  // namespace claudebox::plan
