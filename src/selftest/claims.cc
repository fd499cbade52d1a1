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
    {"sockets.paths", "BOX-1", "connect to the host's sockets"},
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
};

}  // namespace

std::span<const Claim> claims() {
  return kClaims;
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
  if (claim.id == "mounts.nested" && !plan.nested) return "this box makes no user namespaces";
  return {};
}

}  // namespace claudebox::selftest
