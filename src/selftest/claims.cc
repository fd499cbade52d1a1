#include "selftest/claims.h"

#include <array>

namespace claudebox::selftest {
namespace {

constexpr auto kClaims = std::to_array<Claim>({
    {"files.secrets", "BOX-1", "find your keys and logins"},
    {"files.home", "BOX-1", "find anything else of your home"},
    {"files.projects", "BOX-1", "find what lies beside the project"},
    {"files.system", "BOX-1", "find the rest of this machine: /run, /root, /etc/shadow"},
    {"files.roots", "BOX-1", "reach all that through /proc/PID/root and cwd"},
    {"sockets.dbus", "BOX-1", "connect to D-Bus, your session's and the system's"},
    {"sockets.containers", "BOX-1", "connect to Docker, Podman or containerd"},
    {"sockets.agents", "BOX-1", "connect to your SSH and GPG agents"},
    {"sockets.paths", "BOX-1", "connect to any other socket of the host"},
    {"sockets.abstract", "BOX-1", "connect to an abstract socket of the host"},
    {"processes.visible", "BOX-1", "see the host's processes"},
    {"processes.reach", "BOX-1", "signal, trace or read claudebox and its parents"},
    {"processes.programs", "BOX-1", "change the program that runs the box, through /proc/PID/exe"},
    {"descriptors", "BOX-1", "find a descriptor that was left open"},
    {"environment.variables", "BOX-5", "find your environment variables"},
    {"environment.processes", "BOX-5", "find them in /proc/PID/environ"},
    {"namespaces", "BOX-6", "share a namespace with the host"},
    {"privileges.capabilities", "BOX-6", "hold a capability"},
    {"privileges.new", "BOX-6", "find a process that may gain privileges"},
    {"privileges.identity", "BOX-6", "become another user"},
    {"privileges.setuid-files", "BOX-6", "use set-user-ID programs"},
    {"mounts.change", "BOX-6", "mount, unmount, or make a mount writable"},
    {"mounts.nested", "BOX-6", "the same as root of a nested user namespace"},
    {"kernel.proc-sys", "BOX-6", "write settings of the kernel below /proc/sys"},
    {"kernel.proc", "BOX-6", "open other files of the kernel in /proc"},
    {"kernel.sys", "BOX-6", "write below /sys"},
    {"kernel.devices", "BOX-6", "open devices or make them"},
    {"seccomp.active", "BOX-7", "find a process without a system call filter"},
    {"seccomp.terminal", "BOX-7", "type into your terminal (TIOCSTI, TIOCLINUX)"},
    {"seccomp.families", "BOX-7", "open sockets that know no network namespace"},
    {"seccomp.raw", "BOX-7", "open raw and rare internet sockets"},
    {"seccomp.keyrings", "BOX-7", "use your kernel keyrings"},
    {"seccomp.io_uring", "BOX-7", "use io_uring"},
    {"seccomp.doors", "BOX-7", "use bpf, perf, modules, kexec and the like"},
    {"seccomp.foreign", "BOX-7", "use 32-bit and x32 system calls"},
    {"protected.write", "BOX-10", "write .git/config, hooks and what else runs on the host"},
    {"protected.move", "BOX-10", "move those, or the directories above them, away"},
    {"network.loopback", "NET-4", "connect to a listener on the host's loopback"},
    {"network.routes", "NET-4", "find a way out of the box's own network"},
    {"network.own", "NET-2", "reach this machine by its own addresses"},
    {"network.near", "NET-2", "reach its routers and name servers"},
    {"network.private", "NET-2", "reach private and other special addresses"},
    {"network.metadata", "NET-2", "reach cloud metadata services"},
    {"network.slirp", "NET-2", "reach the host's loopback by way of slirp4netns"},
    {"names.private", "NET-2", "reach a private address by a name"},
    {"network.ungranted", "NET-3", "reach a public address that no granted name leads to"},
    {"names.ungranted", "NET-3", "look up a name that is not granted"},
    {"names.servers", "NET-3", "ask another name server than the box's own"},
    {"limits.memory", "LIMITS", "take more memory than the limit"},
    {"limits.processes", "LIMITS", "start more processes than the limit"},
    {"limits.open-files", "LIMITS", "open more files than the limit"},
    {"packages.store", "PKG-1", "find another path of the Nix store, or write there"},
    {"ends.processes", "ENDS", "leave a process behind"},
    {"ends.namespaces", "ENDS", "leave a process in the box's namespaces"},
    {"ends.mounts", "ENDS", "leave a mount behind"},
    {"ends.files", "ENDS", "leave a protection's stand-in behind"},
});

struct PromiseText {
  std::string_view promise;
  std::string_view text;
};
constexpr std::array kPromises = {
    PromiseText{"BOX-1", "Your files, sockets and processes are not in the box"},
    PromiseText{"BOX-5", "Nor is your environment, but for what the plan names"},
    PromiseText{"BOX-6", "Namespaces of its own, and no privileges"},
    PromiseText{"BOX-7", "System calls that reach past a box are refused"},
    PromiseText{"BOX-10", "What later runs on the host is read-only"},
    PromiseText{"NET-4", "No network but the box's own loopback"},
    PromiseText{"NET-2", "Public addresses only, whatever network this machine is in"},
    PromiseText{"NET-3", "Granted names only, and what they lead to"},
    PromiseText{"LIMITS", "The box stays within its limits"},
    PromiseText{"PKG-1", "Of the Nix store only what was asked for, read-only"},
    PromiseText{"ENDS", "Nothing is left when the box has ended"},
};

/// Empty where a limit is not tried: of a share of the processor only a measurement could tell.
std::string_view limit_claim(plan::LimitKind kind) {
  switch (kind) {
    case plan::LimitKind::memory:
      return "limits.memory";
    case plan::LimitKind::processes:
      return "limits.processes";
    case plan::LimitKind::open_files:
      return "limits.open-files";
    case plan::LimitKind::cpu:
      break;
  }
  return {};
}

}  // namespace

std::span<const Claim> claims() {
  return kClaims;
}

bool is_tried_outside(const Claim& claim) {
  return claim.promise == "ENDS";
}

std::string_view promise_text(std::string_view promise) {
  for (const auto& known : kPromises)
    if (known.promise == promise) return known.text;
  return {};
}

std::string not_promised(const Claim& claim, const plan::Plan& plan) {
  using plan::Tier;
  if (claim.id == "sockets.abstract" && plan.network.value == Tier::full && !plan.scope_abstract_sockets)
    return "not promised: in the tier full it takes Landlock of Linux 6.12 or later";
  if (claim.id == "network.loopback" && plan.network.value == Tier::full)
    return "not promised: the tier full is the host's network";
  if (claim.id == "network.routes" && plan.network.value != Tier::offline)
    return std::string("not promised: the tier ") + plan::tier_name(plan.network.value) + " has a way out";
  if (claim.promise == "NET-2" && !plan.has_gateway())
    return plan.network.value == Tier::full ? "not promised: the tier full is the host's network"
                                            : "the tier offline has no way out to be judged";
  if (claim.id == "names.private" && plan.network.value == Tier::allowlist)
    return "in the tier allowlist a name that is not granted is not looked up at all";
  if (claim.promise == "NET-3" && plan.network.value != Tier::allowlist)
    return "not promised: it belongs to the tier allowlist";
  for (const auto& limit : plan.limits.all)
    if (claim.id == limit_claim(limit.kind) && limit.by == plan::Limit::By::nothing)
      return "not promised: " + limit.reason;
  if (claim.id == "mounts.nested" && !plan.nested) return "this box makes no user namespaces";
  return {};
}

}  // namespace claudebox::selftest
