#include "cli/reference.h"

#include <array>

namespace claudebox::cli {
namespace {

struct OptionText {
  std::string_view option, command, text;  ///< an empty command: everywhere
};

constexpr std::array kOptions = std::to_array<OptionText>({
    {"--profile", "",
     "NAME stands for ~/.claudebox/profiles/NAME.toml: a set of grants with a name, each spelled as after "
     "its "
     "option here. ~/.claudebox/config.toml has the same keys for every box. An option given here wins over "
     "the "
     "environment, that over the profile, that over config.toml; lists add up."},
    {"--agent", "",
     "Claude Code by default. What runs where no command is given, and whose configuration and state the box "
     "has, in run and shell too. Its own permission prompts are off. An agent other than claude has a login "
     "in "
     "each instance: made by logging in inside the box, or a key in a variable that --env names."},
    {"--network", "",
     "internet, the default: everything public, nothing of your local network, VPN or this machine. "
     "allowlist: the hosts "
     "of --allow and nothing else. offline: a loopback of the box's own. full: the host's network with "
     "everything that "
     "it reaches. Where a tier can't be had, nothing starts; no other one is taken instead. The older "
     "spellings inet, "
     "internet-only and none keep working."},
    {"--allow", "",
     "Goes with --network allowlist. HOST is a name, or *. and a name for every name below it, not for the "
     "name "
     "itself. Its addresses are reachable from when the box looks it up until some time after its last use; "
     "other names "
     "are refused and never leave this machine. Every site that shares an address with an allowed one is "
     "reachable too, "
     "and the labels below a wildcard can carry data to its name servers. May be given several times."},
    {"--lan", "",
     "Goes with the tiers internet and allowlist. DEST is ADDR[/LEN] or NAME, without :PORT every port of "
     "it: one "
     "private destination, such as a proxy, a package server or a database. An IPv6 address with a port is "
     "written "
     "[ADDR]:PORT. Cloud metadata, this machine's own addresses and its loopback (see --reach) stay closed. "
     "May be "
     "given several times."},
    {"--limit", "",
     "memory=8G (K, M, G, T), cpu=150% (100% is one core), processes=500 (threads count), open-files=4096 "
     "(of "
     "each process); none takes away what a profile says. With cgroup v2, through your systemd or a group "
     "that "
     "is yours, memory, cpu and processes are the whole box's, and a process that is killed for its memory "
     "is "
     "reported at the end. Elsewhere memory is each process's, cpu does not apply, and processes not to "
     "root: "
     "the audit and claudebox check say so. May be given several times."},
    {"--publish", "",
     "A server in the box on PORT, also one on 127.0.0.1 only, is reached at 127.0.0.1:HOSTPORT and "
     "[::1]:HOSTPORT of "
     "this machine, and from nowhere else. The same port where HOSTPORT is left out. In every tier but full, "
     "where the "
     "ports are the host's anyway. May be given several times."},
    {"--reach", "",
     "127.0.0.1:PORT and [::1]:PORT in the box lead to this machine's server on that port of its loopback: a "
     "database, "
     "a proxy. In every tier but full. May be given several times."},
    {"--nix-daemon", "",
     "nix in the box builds with this machine's Nix daemon, whose socket and store it sees read-only. What "
     "it "
     "builds is built outside the box and outside its tier: a fixed-output derivation has this machine's "
     "network, "
     "its loopback and your local network included, and every path of the store can be read. Refused where "
     "the "
     "daemon trusts you (trusted-users of nix.conf), since that is root on this machine."},
    {"--nix-daemon-network", "",
     "The second word for --nix-daemon in the tiers offline and allowlist: builds of the daemon don't keep "
     "to "
     "them."},
    {"--package", "",
     "NAME is a package of nixpkgs, FLAKE#NAME one of another flake: nixpkgs/nixos-24.05#postgresql, "
     "github:owner/repo#x, ./dir#y. Nix builds or fetches it before the box starts, and the box sees the "
     "paths "
     "of the Nix store that it needs and no other. What it came to is remembered and kept from Nix's "
     "collector: "
     "the next start asks Nix nothing. A branch stays at what it was until claudebox packages update. The "
     "local "
     "ones are programs, so they wait for claudebox trust. May be given several times."},
    {"--devshell", "",
     "PATH and variables of what nix develop would open: of . (the project's own flake), or of any "
     "FLAKE#NAME. "
     "Of its variables those enter that name a path of the store, the others where --env names them. Its "
     "shellHook is not run. A local flake waits for claudebox trust."},
    {"--all", "packages remove", "Each package and dev shell of every project."},
    {"--mount", "",
     "SRC is a path of the host; DST is where the box sees it, the same path where it is left out. Read-only "
     "unless :rw follows. A leading ~ is your home, a relative SRC starts at the current directory. A colon "
     "that "
     "belongs to a path is written \\:, a backslash \\\\. May be given several times."},
    {"--env", "",
     "NAME takes the value that the host has, NAME=VALUE gives one. The box's environment is empty but for a "
     "short list, so a key or token gets in only when it is named here. May be given several times."},
    {"--auth", "",
     "broker, the default where you are logged in on this host: the box has an access token and no refresh "
     "token. "
     "claudebox has your own client renew it on the host before it runs out, so boxes and host stay logged "
     "in. "
     "store or store:NAME: a login of the boxes' own, apart from yours. Log in in a box (/login), and it "
     "lasts and "
     "is renewed there, by any number of boxes. env: the variables that carry a login (ANTHROPIC_API_KEY, "
     "ANTHROPIC_AUTH_TOKEN, CLAUDE_CODE_OAUTH_TOKEN), as they are set here; also the default where --env "
     "grants "
     "one. none: nothing; what somebody logs in to in a box stays in that instance."},
    {"--project", "",
     "DIR is made writable in the box, or the git work tree around it. Refused are /, your home, what "
     "contains "
     "it, and the system's directories."},
    {"--instance", "",
     "The box gets state of its own (history, settings, home) under the project's id followed by -NAME, so "
     "that "
     "it can run at the same time as the project's other box."},
    {"--force", "",
     "Two agents then write the same history and settings. --instance NAME is the safer way to run two at "
     "once."},
    {"--like", "",
     "The examples are commented: plain, a web project with ports, review of code that you don't "
     "trust, cloud deployment, a Nix project, an account of its own."},
    {"--as", "", "Without it tools.sh becomes the profile tools."},
    {"--revoke", "", "What the file adds waits again; what it takes away goes on."},
    {"--yes", "",
     "Answers the question that follows the audit, for scripts. The audit is still shown, unless --quiet is "
     "given too, and what was started like this does not count as approved at the next start."},
    {"--dry-run", "",
     "The same as the command plan: prints the audit and the bwrap command, creates nothing."},
    {"--dry-run", "instance gc", "Nothing is removed."},
    {"--json", "",
     "One record at top level with a schema number, on standard output. Of the commands that start a box it "
     "goes "
     "with --dry-run only."},
    {"--json", "plan", "The whole plan as one record at top level with a schema number."},
    {"--json", "selftest", "Each claim and its result, as one record at top level with a schema number."},
    {"--json", "check", "Each part and its state, as one record at top level with a schema number."},
    {"--json", "instance list",
     "One record at top level with a schema number; its field instances lists them."},
    {"--json", "instance show", "The instance as one record at top level with a schema number."},
    {"--json", "log",
     "The session as one record at top level with a schema number. With --follow one JSON object a line: the "
     "session, then what happens, then its end."},
    {"--denied", "", "Names that were refused and packets that were denied, nothing else."},
    {"--follow", "",
     "What has happened so far, one event a line, and then each new one as it happens, until the session "
     "ends "
     "or Ctrl-C."},
    {"--explain", "",
     "Each mount and variable is followed by the flag, the rule or the fact that it comes from."},
    {"--timings", "",
     "How long each stage took, in milliseconds, on standard error: planning, audit, lock, state, then the "
     "parts of "
     "the box and of its network in the order in which they were ready."},
    {"--quiet", "",
     "No audit where nothing is asked, no notes. Errors and what was found at the end still show."},
    {"--verbose", "",
     "The system's mounts are shown one by one, and the exact bwrap command follows the audit."},
    {"--help", "", "The same as claudebox help COMMAND."},
    {"--version", "", "One line on standard output."},
});

struct CommandText {
  std::string_view command, text;
};

constexpr std::array kCommands = std::to_array<CommandText>({
    {"",
     "claudebox runs Claude Code, or any other command, with its permission prompts off, in a bubblewrap "
     "sandbox "
     "on the project around the current directory. Only the project is writable. The rest of your home is "
     "not "
     "there, secrets in the environment stay outside, and what later runs on the host (git hooks and "
     "configuration, editor tasks) is read-only. Before the start the audit shows what the box gets; "
     "everything after -- goes to the agent untouched."},
    {"run",
     "Everything from the first word that is no option is the command and its arguments, untouched. It "
     "starts in "
     "the current directory, and its exit status is claudebox's."},
    {"shell", "Your login shell where the box has it, else bash or sh."},
    {"plan",
     "Without a command the plan is the agent's. The audit is followed by the exact bwrap command, which can "
     "be pasted "
     "into a shell; by itself it makes the boxes of the tiers internet and allowlist without a network. "
     "Nothing is "
     "created."},
    {"check",
     "Names each part that a box needs, its version, whether it suffices, and the command that mends it. "
     "What "
     "is required and what is only good to have are listed apart. The exit status is 1 where something "
     "required "
     "is missing."},
    {"selftest",
     "Starts a box on this project with the options given, tries from inside what a box promises to prevent, "
     "and prints a table: the promise, the attempt, and whether it held, is broken, or could not be tried "
     "and "
     "why. In the tiers internet and allowlist it connects to this machine's own addresses, its routers, and "
     "one "
     "address of each range that is refused, and holds only what the gateway says it refused; names are "
     "looked up "
     "from a name server of the selftest's own. When the box has ended, it looks on the host for what was "
     "left. "
     "The content of your files is neither read nor changed. The tier is offline where none is named, and "
     "the "
     "login is left out. The exit status is 1 where a claim does not hold."},
    {"profile",
     "A profile is a file ~/.claudebox/profiles/NAME.toml with grants in it: network, allow, publish, reach, "
     "lan, "
     "mounts, env, packages, devshell, agent, auth, nested, audit, nix-daemon, nix-daemon-network, [limits], "
     "[protect], and extends for "
     "those "
     "that it "
     "builds on. Entries are spelled as after the option. --profile NAME or CLAUDEBOX_PROFILE takes one; "
     "~/.claudebox/config.toml holds for every box. A file that others may write, or that is not yours, is "
     "refused."},
    {"profile list", "The name of each, and the comment on its first line."},
    {"profile show",
     "The profile with all that it extends and config.toml below it, as one file of TOML; behind each value "
     "the "
     "file and the line that it comes from."},
    {"profile check",
     "Says all that is wrong, with line and column. Without an argument: config.toml, this project's "
     ".claudebox.toml and every profile. The exit status is 2 where something is wrong."},
    {"profile new",
     "Writes ~/.claudebox/profiles/NAME.toml, with comments, and prints its path. One that is there "
     "stays as it is."},
    {"profile import",
     "FILE.sh sets PROFILE_NETWORK_TIER, PROFILE_EXTRA_ENV, PROFILE_MOUNTS, PROFILE_EXTRA_MOUNTS and "
     "PROFILE_PACKAGES. Plain assignments and arrays are read, with quotes, $HOME and ~; a file with "
     "anything else "
     "in it is refused with the lines, and nothing is written. No shell runs it."},
    {"packages",
     "Packages and dev shells come from Nix: --package, --devshell, and the keys packages and devshell of a "
     "profile. What each came to is kept in ~/.claudebox/packages, with a root for Nix's collector."},
    {"packages list", "The name, how many paths of the store it needs, and what a reference was locked to."},
    {"packages update",
     "Asks Nix again for what this project and profile ask for: a branch is followed, the registry read "
     "anew. "
     "Boxes that run keep what they have."},
    {"packages remove", "The next start that asks for it resolves it anew."},
    {"trust",
     "A project's .claudebox.toml has the keys of a profile. What takes something away from what you ask for "
     "applies "
     "at once. What adds something waits until it is approved here, by a person at a terminal: the file's "
     "text, or "
     "what changed since the last time, is shown first. The approval is for this text at this path; a "
     "changed, moved "
     "or copied file asks again, and no option approves one. The same goes for a local flake whose packages "
     "or dev "
     "shell are asked for: its approval is for the files that its evaluation reads."},
    {"instance",
     "An instance is a project's persistent state: the box's home, the agent's history, sessions and "
     "settings. "
     "All work trees of a repository share one."},
    {"instance list", "The id, the project, when it was last used, and whether a box holds it now."},
    {"instance show", "Where it is, what it belongs to, its size on disk, and the processes that hold it."},
    {"instance path", "For scripts: cd \"$(claudebox instance path)\"."},
    {"instance rm", "Its history and home are gone for good. One that a live box holds is not touched."},
    {"instance gc",
     "Removes the instances whose project directory is no longer there, and says what and how much. One that "
     "a "
     "live box holds is never touched."},
    {"log",
     "Names looked up and what came of it, destinations reached with the bytes that went out and came in, "
     "and "
     "what was denied: how often and why. SESSION is its id or the beginning of it, also of another project. "
     "The newest 50 sessions of a project are kept. Of a box with the tier full claudebox sees nothing but "
     "its "
     "start and its end."},
    {"completion",
     "For bash: claudebox completion bash > ~/.local/share/bash-completion/completions/claudebox. For zsh: "
     "into "
     "a directory of $fpath as _claudebox. For fish: into ~/.config/fish/completions/claudebox.fish. The "
     "distribution package has them in place already."},
    {"help", "Without a command: help on claudebox itself."},
    {"__man", "In roff, for installation."},
    {"__profile-schema", "For editors that check TOML."},
    {"__seccomp-filter",
     "The BPF program that bwrap loads by --add-seccomp-fd, for the printed bwrap command."},
    {"__complete", "One value a line, a tab, and what it is."},
});

}  // namespace

std::string option_text(std::string_view option, std::string_view command) {
  std::string_view text;
  for (const auto& entry : kOptions) {
    if (entry.option != option) continue;
    if (entry.command == command) return std::string(entry.text);
    if (entry.command.empty()) text = entry.text;
  }
  return std::string(text);
}

std::string command_text(std::string_view command) {
  for (const auto& entry : kCommands)
    if (entry.command == command) return std::string(entry.text);
  return {};
}

std::vector<SectionDoc> reference_sections() {
  return {
      {"NETWORK TIERS",
       {{"internet",
         "The default. Every public address over IPv4 and IPv6, and nothing else: no private, link-local or "
         "reserved "
         "range, no metadata service, no address, network or VPN route that this machine has or gains "
         "meanwhile. What "
         "is refused fails at once with EHOSTUNREACH (IPv4) or EACCES (IPv6), and claudebox log shows it."},
        {"allowlist",
         "Of that only the hosts of --allow, by name: an address that no allowed name led to is refused like "
         "any "
         "other. Several sites often share an address, and a name's labels can carry data to its name "
         "servers, so "
         "allow whom you trust."},
        {"offline", "A network namespace of the box's own with a loopback interface and nothing else."},
        {"full",
         "The host's network: the internet, the local network, services on the host's loopback, and its "
         "abstract sockets where the kernel's Landlock can't keep them away (before Linux 6.12). Never taken "
         "unless "
         "it is asked for."},
        {"",
         "internet and allowlist need slirp4netns 1.2 and /dev/net/tun: claudebox check says whether they "
         "are there. "
         "Proxy variables of the host (HTTPS_PROXY and the like) are passed on; where the box can't reach "
         "the proxy, "
         "the audit names the --lan or --reach that opens the way to it."}}},
      {"APPROVAL",
       {{"",
         "Before a box starts, claudebox shows what it gets and asks. A plan that equals the one approved "
         "last "
         "for this project is not asked again: two lines say so. Of a changed one the difference is shown. "
         "Without a terminal there is nobody to ask, so nothing starts unless --yes is given."}}},
      {"EXIT STATUS",
       {{"0-124", "The status of the command in the box. 128+N where signal N ended it."},
        {"1", "Of the commands that run nothing: it failed, or something required is missing."},
        {"2", "The command line is wrong. Nothing ran."},
        {"125",
         "The box could not be made, was refused at the question, or was ended because a protection no "
         "longer held."},
        {"126", "The command is there and can't be executed."},
        {"127", "There is no such command in the box."},
        {"130", "Ctrl-C at the question. Nothing ran."}}},
      {"ENVIRONMENT",
       {{"CLAUDEBOX_PROFILE", "The profile where --profile is not given."},
        {"CLAUDEBOX_NETWORK", "The tier where --network is not given; internet where neither is."},
        {"CLAUDEBOX_HOME", "Where instances are kept; an absolute path. ~/.claudebox by default."},
        {"CLAUDEBOX_YES", "1 means --yes."},
        {"NO_COLOR", "Where it is set and not empty, the output has no colours."}}},
      {"FILES",
       {{"~/.claudebox/profiles/NAME.toml", "A profile: claudebox profile new NAME makes one."},
        {"~/.claudebox/config.toml", "The same keys, below every profile."},
        {".claudebox.toml", "The same keys, in a project: claudebox trust approves it."},
        {"~/.claudebox/instances/ID/",
         "The state of one project: home/ is the home directory that the box sees."},
        {"~/.claudebox/instances/ID/sessions/",
         "The records of its newest 50 sessions, for claudebox log; each one JSON object a line."},
        {"~/.claudebox/packages/",
         "What Nix resolved: a record and a root for its collector for each package, and a cache."},
        {"~/.claudebox/trust/", "What was approved of projects and of local flakes."},
        {"/etc/apparmor.d/claudebox",
         "Lets claudebox make user namespaces where AppArmor restricts them (Ubuntu "
         "23.10 and later)."}}},
      {"EXAMPLES",
       {{"claudebox", "The agent on this project, with the public internet."},
        {"claudebox -- --continue", "The same, going on with its last conversation."},
        {"claudebox run --network offline make test", "One command, without any network."},
        {"claudebox --network allowlist --allow api.anthropic.com --allow '*.npmjs.org'",
         "Only these hosts."},
        {"claudebox --lan 10.0.0.5:3128", "A proxy of the local network besides."},
        {"claudebox shell --publish 8080:3000",
         "What listens on port 3000 in the box is at http://localhost:8080."},
        {"claudebox profile new web --like web", "A profile to begin with, for: claudebox --profile web."},
        {"claudebox plan --explain", "What a box would get, and why."},
        {"claudebox shell --network offline --mount ~/data:ro", "A shell that also sees ~/data."}}},
  };
}

std::vector<std::string> documented_options() {
  std::vector<std::string> names;
  names.reserve(kOptions.size());
  for (const auto& entry : kOptions) names.emplace_back(entry.option);
  return names;
}

std::vector<std::string> documented_commands() {
  std::vector<std::string> names;
  names.reserve(kCommands.size());
  for (const auto& entry : kCommands) names.emplace_back(entry.command);
  return names;
}

}  // namespace claudebox::cli
