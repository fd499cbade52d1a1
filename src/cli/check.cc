#include "cli/check.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "base/error.h"
#include "base/text.h"

namespace claudebox::cli {
namespace {

using State = Part::State;
using sys::NamespaceStep;

/// What plan/bwrap_args uses that came late: --disable-userns with bubblewrap 0.8, --add-seccomp-fd and --perms with 0.5.
constexpr auto kBwrapOptions =
    std::to_array<std::string_view>({"--args", "--dev-bind", "--ro-bind-data", "--add-seccomp-fd",
                                     "--clearenv", "--json-status-fd", "--perms", "--disable-userns"});

constexpr const char* kForTiers =
    "needed for the tiers internet (the default) and allowlist; --network offline works without";
/// The first that talks over a socket (--target-type=bess).
constexpr std::pair kOldestSlirp(1, 2);

std::string sudo(const Facts& facts, const std::string& command) {
  return facts.root ? command : "sudo " + command;
}

bool is_like(const Facts& facts, std::string_view name) {
  return facts.distribution.find(" " + std::string(name) + " ") != std::string::npos;
}

/// The command that installs a package here. The package has the same name everywhere.
std::string install(const Facts& facts, const std::string& package) {
  if (is_like(facts, "debian") || is_like(facts, "ubuntu")) return sudo(facts, "apt-get install " + package);
  if (is_like(facts, "fedora") || is_like(facts, "rhel")) return sudo(facts, "dnf install " + package);
  if (is_like(facts, "arch")) return sudo(facts, "pacman -S " + package);
  if (is_like(facts, "suse")) return sudo(facts, "zypper install " + package);
  if (is_like(facts, "alpine")) return sudo(facts, "apk add " + package);
  if (is_like(facts, "nixos")) return "nix profile install nixpkgs#" + package;
  return "install the package " + package;
}

std::vector<std::string> set_sysctl(const Facts& facts, const std::string& setting) {
  const std::string line = "'" + setting + "'";
  return {sudo(facts, "sysctl -w " + setting),
          "echo " + line + " | " + sudo(facts, "tee /etc/sysctl.d/60-claudebox.conf") + "   (to keep it)"};
}

/// A limit of user.max_KIND_namespaces that allows none.
std::optional<std::string> exhausted_limit(const Facts& facts) {
  for (const auto& [kind, limit] : facts.limits)
    if (limit == 0) return kind;
  return std::nullopt;
}

std::string what_failed(NamespaceStep step) {
  switch (step) {
    case NamespaceStep::none:
      return "nothing";
    case NamespaceStep::process:
      return "starting a process";
    case NamespaceStep::user_namespace:
      return "making a user namespace";
    case NamespaceStep::id_map:
      return "mapping your user id into it";
    case NamespaceStep::namespaces:
      return "making the other namespaces";
    case NamespaceStep::loopback:
      return "bringing up a loopback interface";
    case NamespaceStep::mount:
      return "changing a mount of its own";
    case NamespaceStep::proc:
      return "mounting a /proc of its own";
    case NamespaceStep::nested:
      return "making a user namespace in a user namespace";
  }
  return "something";
}

void explain_apparmor(const Facts& facts, Part& part) {
  part.detail +=
      ": AppArmor lets only programs with a profile make them "
      "(kernel.apparmor_restrict_unprivileged_userns = 1)";
  if (facts.apparmor_profile) {
    part.remedy = {
        sudo(facts, "apparmor_parser -r /etc/apparmor.d/claudebox"),
        "that profile is for the installed claudebox; one that runs from elsewhere needs its path in it"};
  } else {
    part.remedy = {"install claudebox's package, or run script/run: both put a profile for it in place",
                   sudo(facts, "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0") +
                       "   (lifts the restriction for every program)"};
  }
}

void explain_limit(const Facts& facts, Part& part) {
  if (const auto kind = exhausted_limit(facts)) {
    part.detail += ": user.max_" + *kind + "_namespaces is 0";
    part.remedy = set_sysctl(facts, "user.max_" + *kind + "_namespaces=15000");
    return;
  }
  part.detail += ": the limit is reached, or this is 32 sandboxes deep already";
  part.remedy = {"start claudebox outside of the other sandbox",
                 "sysctl user.max_user_namespaces shows the limit, lsns -t user what is in use"};
}

void explain_refusal(const Facts& facts, Part& part) {
  if (facts.unprivileged_clone == 0) {
    part.detail += ": the kernel's switch for them is off (kernel.unprivileged_userns_clone = 0)";
    part.remedy = set_sysctl(facts, "kernel.unprivileged_userns_clone=1");
  } else if (facts.apparmor_restriction.value_or(0) != 0) {
    explain_apparmor(facts, part);
  } else if (facts.namespaces.failed == NamespaceStep::proc) {
    part.detail += ": a container hides parts of /proc, and the kernel lets nobody undo that";
    part.remedy = {
        "start the container with --security-opt systempaths=unconfined, or use claudebox outside of it"};
  } else {
    part.detail += ": a container's seccomp profile, a chroot or a security module forbids it";
    part.remedy = {
        "in a container: start it with --security-opt seccomp=unconfined, or use claudebox outside of it",
        "in a chroot: use claudebox outside of it"};
  }
}

/// First two numbers of "0.8.0".
std::pair<int, int> version_numbers(const std::string& version) {
  int major = 0;
  int minor = 0;
  std::sscanf(version.c_str(), "%d.%d", &major, &minor);
  return {major, minor};
}

Part optional_program(const std::string& name, const ProgramFacts& program, const std::string& purpose,
                      std::vector<std::string> remedy) {
  Part part{.name = name, .title = name, .version = program.version};
  if (program.path.empty()) {
    part.state = State::missing;
    part.detail = purpose;
    part.remedy = std::move(remedy);
  } else if (!program.answered) {
    part.state = State::bad;
    part.detail = program.path + " does not answer to --version";
    part.remedy = std::move(remedy);
  } else {
    part.detail = program.path;
  }
  return part;
}

Part assess_seccomp(const Facts& facts) {
  Part part{.name = "seccomp", .title = "seccomp filters", .required = true};
  part.detail = "the kernel filters system calls";
  if (!facts.seccomp_filter) {
    part.state = State::missing;
    part.detail = "this kernel was built without CONFIG_SECCOMP_FILTER";
    part.remedy = {"use a distribution's own kernel"};
  }
  return part;
}

Part assess_slirp(const Facts& facts) {
  const auto& slirp = facts.slirp4netns;
  Part part = optional_program("slirp4netns", slirp, kForTiers, {install(facts, "slirp4netns")});
  if (part.state == State::good && !slirp.version.empty() && version_numbers(slirp.version) < kOldestSlirp) {
    part.state = State::bad;
    part.detail = slirp.path + " is too old: 1.2.0 or later is " + kForTiers;
    part.remedy = {install(facts, "slirp4netns")};
  }
  return part;
}

Part assess_tun(const Facts& facts) {
  Part part{.name = "tun", .title = "/dev/net/tun", .detail = "can be opened"};
  const std::string purpose = std::string("; ") + kForTiers;
  if (facts.tun == Facts::Tun::missing) {
    part.state = State::missing;
    part.detail = "not there" + purpose;
    part.remedy = {sudo(facts, "modprobe tun")};
  } else if (facts.tun == Facts::Tun::forbidden) {
    part.state = State::bad;
    part.detail = "you may not open it" + purpose;
    part.remedy = {sudo(facts, "chmod 0666 /dev/net/tun") +
                   "   (what udev makes it; it gives no rights by itself)"};
  }
  return part;
}

Part assess_landlock(const Facts& facts) {
  Part part{.name = "landlock", .title = "Landlock", .version = "ABI " + std::to_string(facts.landlock_abi)};
  if (facts.landlock_abi >= 6) {
    part.detail = "keeps the host's abstract sockets out of boxes with the tier full";
    return part;
  }
  part.state = facts.landlock_abi > 0 ? State::poor : State::missing;
  if (facts.landlock_abi == 0) part.version.clear();
  part.detail =
      "in the tier full a box reaches the host's abstract sockets: Linux 6.12 and later can prevent that";
  if (facts.landlock_abi == 0)
    part.remedy = {
        "a kernel with Landlock on (CONFIG_SECURITY_LANDLOCK, and landlock in the boot parameter lsm=)"};
  return part;
}

Part assess_login(const Facts& facts) {
  Part part{.name = "login", .title = "login"};
  if (!facts.login_problem.empty()) {
    part.state = facts.login_hint.empty() ? State::missing : State::bad;
    part.detail = facts.login_problem;
    if (!facts.login_hint.empty()) part.remedy = base::split(facts.login_hint, '\n');
  } else if (facts.login.mode.value == plan::LoginMode::broker) {
    const std::string subscription =
        facts.login.subscription.empty() ? "" : " (" + facts.login.subscription + ")";
    part.detail = "you are logged in" + subscription + "; boxes get an access token and no refresh token";
    if (facts.login.expired) part.detail += "; it has run out, and is renewed when a box starts";
  } else {
    part.state = State::missing;
    part.detail = "none: there is no agent to be logged in";
  }
  return part;
}

Part assess_limits(const Facts& facts) {
  Part part{.name = "limits", .title = "limits of a box"};
  const auto& place = facts.cgroups;
  const auto has = [&](std::string_view name) {
    return std::find(place.controllers.begin(), place.controllers.end(), name) != place.controllers.end();
  };
  if (place.way == plan::CgroupPlace::Way::none) {
    part.detail = "only resource limits apply: " + place.reason + "; ";
  } else {
    part.version = "cgroup v2";
    part.detail = std::string("through ") +
                  (place.way == plan::CgroupPlace::Way::systemd ? "systemd" : place.directory) + ": ";
  }
  std::vector<std::string> parts;
  parts.emplace_back(has("memory") ? "memory of the whole box" : "memory of each process");
  if (has("pids") || facts.counts_processes) parts.emplace_back("processes of the whole box");
  if (has("cpu")) parts.emplace_back("cpu");
  parts.emplace_back("open files of each process");
  part.detail += base::join(parts, ", ");
  std::vector<std::string> lacking;
  if (!has("pids") && !facts.counts_processes) lacking.emplace_back("processes");
  if (!has("cpu")) lacking.emplace_back("cpu");
  if (!lacking.empty()) part.detail += "; not " + base::join(lacking, ", ");
  if (!has("memory") || !has("cpu") || !has("pids")) part.state = State::poor;
  return part;
}

Part assess_terminal(const Facts& facts) {
  Part part{.name = "terminal", .title = "terminal"};
  if (!facts.terminal) {
    part.state = State::missing;
    part.detail = "none here, so nothing can be asked: scripts give --yes";
    return part;
  }
  part.detail = std::to_string(facts.columns) + " columns, " + std::to_string(facts.rows) + " rows";
  if (facts.columns > 0 && facts.columns < 40) {
    part.state = State::poor;
    part.detail += "; the audit is made for 40 columns and more";
  }
  // On such a kernel the seccomp filter is all that keeps a box from typing into the terminal that it shares.
  if (facts.legacy_tiocsti.value_or(1) != 0)
    part.detail += "; the kernel still has TIOCSTI, the box's filter refuses it";
  return part;
}

}  // namespace

Part assess_namespaces(const Facts& facts) {
  Part part{.name = "user-namespaces", .title = "user namespaces", .required = true, .version = facts.kernel};
  const auto& attempt = facts.namespaces;
  if (attempt.succeeded()) {
    part.detail = "made one, with mounts, processes and a network of its own";
    return part;
  }
  part.state = State::bad;
  part.detail = what_failed(attempt.failed) + " failed (" + base::errno_text(attempt.error) + ")";
  if (attempt.error == ENOSPC || attempt.error == EUSERS) {
    explain_limit(facts, part);
  } else if (attempt.error == EINVAL || attempt.error == ENOSYS) {
    part.state = State::missing;
    part.detail += ": this kernel has no user namespaces (CONFIG_USER_NS)";
    part.remedy = {"use a distribution's own kernel"};
  } else if (attempt.error == EPERM || attempt.error == EACCES) {
    explain_refusal(facts, part);
  } else {
    part.remedy = {"look at what the kernel says: " + sudo(facts, "dmesg")};
  }
  return part;
}

Part assess_bwrap(const Facts& facts) {
  const ProgramFacts& bwrap = facts.bwrap;
  Part part{.name = "bwrap", .title = "bubblewrap", .required = true, .version = bwrap.version};
  if (bwrap.path.empty()) {
    part.state = State::missing;
    part.detail = "bwrap is not on your PATH";
    part.remedy = {install(facts, "bubblewrap")};
    return part;
  }
  part.detail = bwrap.path;
  if (!bwrap.answered) {
    part.state = State::bad;
    part.detail += " does not answer to --help";
    part.remedy = {install(facts, "bubblewrap")};
    return part;
  }
  std::vector<std::string> lacks;
  for (const auto option : kBwrapOptions)
    if (bwrap.help.find(std::string(option) + " ") == std::string::npos) lacks.emplace_back(option);
  if (!lacks.empty()) {
    part.state = State::bad;
    part.detail += (version_numbers(bwrap.version) < std::pair(0, 8) ? " is too old: it lacks " : " lacks ") +
                   base::join(lacks, ", ");
    part.remedy = {install(facts, "bubblewrap") + "   (0.8.0 or later is needed)"};
  }
  return part;
}

std::vector<Part> assess(const Facts& facts) {
  std::vector<Part> parts = {assess_namespaces(facts), assess_bwrap(facts), assess_seccomp(facts)};
  parts.push_back(optional_program(
      "agent", facts.agent, "claude is not on your PATH: claudebox run still works", {facts.agent_hint}));
  parts.push_back(assess_login(facts));
  parts.push_back(
      optional_program("git", facts.git, "a project without git works too", {install(facts, "git")}));
  parts.push_back(assess_landlock(facts));
  parts.push_back(assess_limits(facts));
  parts.push_back(assess_terminal(facts));
  parts.push_back(assess_slirp(facts));
  parts.push_back(assess_tun(facts));
  parts.push_back(optional_program("nix", facts.nix, "packages of a profile will need it",
                                   {"https://nixos.org/download says how to install it"}));
  return parts;
}

bool is_ready(const std::vector<Part>& parts) {
  return std::all_of(parts.begin(), parts.end(), [](const Part& part) {
    return !part.required || part.state == State::good || part.state == State::poor;
  });
}

std::optional<Diagnosis> diagnose(const Facts& facts) {
  for (const auto& part : {assess_bwrap(facts), assess_namespaces(facts), assess_seccomp(facts)}) {
    if (part.state == State::good || part.state == State::poor) continue;
    const std::string version = part.name == "bwrap" && !part.version.empty() ? " " + part.version : "";
    return Diagnosis{part.title + version + ": " + part.detail, base::join(part.remedy, "\n")};
  }
  return std::nullopt;
}

}  // namespace claudebox::cli
