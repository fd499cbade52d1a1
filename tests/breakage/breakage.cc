// Theory of operation
//
// claudebox with one protection taken out, to see that the selftest notices. claudebox itself knows nothing of this: the
// program claudebox_broken is linked from the same libraries, with the linker's --wrap for the functions below, so that
// each of them can leave out what it is there for. What is a matter of the plan is taken out of the copy that is
// executed; the selftest judges by the one that was promised.
//
// CLAUDEBOX_BREAK names the protection; "list" prints the names. The gateway has no environment and reads its parent's,
// before it confines itself.
#include <fcntl.h>
#include <linux/filter.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "base/path.h"
#include "base/text.h"
#include "gateway/lookup.h"
#include "net/policy.h"
#include "runtime/host_networks.h"
#include "runtime/launch.h"
#include "runtime/stubs.h"
#include "sys/child_process.h"
#include "sys/fd.h"

// The linker's names for a function's stand-in and for the function itself.
#define WRAP(symbol) asm("__wrap_" symbol)
#define REAL(symbol) asm("__real_" symbol)
// The build reads them here, too: each in one piece.
// clang-format off
#define RUN "_ZN9claudebox7runtime3runERKNS_4plan4PlanERKNS0_10RunOptionsE"
#define CLONE_CHILD "_ZN9claudebox3sys11clone_childEm"
#define MEMORY_FILE "_ZN9claudebox3sys16make_memory_fileEPKcSt17basic_string_viewIcSt11char_traitsIcEE"
#define STUBS_END "_ZN9claudebox7runtime5StubsD1Ev"
#define HOST_READ "_ZNK9claudebox7runtime12HostNetworks4readEv"
#define OUTGOING "_ZN9claudebox3net6Policy8outgoingERKNS0_6PacketENSt6chrono10time_pointINS5_3_V212steady_clockENS5_8durationIlSt5ratioILl1ELl1000000000EEEEEE"
#define UNANSWERABLE "_ZNK9claudebox3net6Policy12unanswerableERKNS0_7AddressEb"
#define ANSWER_HERE "_ZNK9claudebox7gateway11LookupRules11answer_hereESt4spanIKhLm18446744073709551615EERKSt8optionalINS_3net8QuestionEE"
// clang-format on

namespace claudebox::breakage {
namespace {

using plan::Mount;
using plan::Plan;
using Words = std::vector<std::string>;

constexpr auto kNames = std::to_array<std::string_view>(
    {"home",      "machine",    "path",          "environment",    "descriptors", "pid-namespace",
     "host-proc", "namespaces", "capabilities",  "user",           "seccomp",     "program",
     "proc-sys",  "sys",        "device",        "covers",         "pins",        "landlock",
     "network",   "policy",     "host-networks", "private-ranges", "names",       "name-answers",
     "limits",    "process",    "mount",         "stubs"});

std::string environment_of_parent(const char* name) {
  std::ifstream file("/proc/" + std::to_string(::getppid()) + "/environ");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string wanted = std::string(name) + "=";
  for (const auto& entry : base::split(text, '\0'))
    if (entry.starts_with(wanted)) return entry.substr(wanted.size());
  return {};
}

std::string chosen() {
  const char* own = std::getenv("CLAUDEBOX_BREAK");
  const std::string name = own ? own : environment_of_parent("CLAUDEBOX_BREAK");
  if (name == "list") {
    for (const auto known : kNames) std::printf("%.*s\n", static_cast<int>(known.size()), known.data());
    std::fflush(stdout);
    ::_exit(0);
  }
  if (!name.empty() && std::find(kNames.begin(), kNames.end(), name) == kNames.end()) {
    std::fprintf(stderr, "no such breakage: %s\n", name.c_str());
    ::_exit(2);
  }
  return name;
}

const std::string kBroken = chosen();
bool running = false;

bool is_broken(std::string_view name) noexcept {
  return kBroken == name;
}

// --- what is a matter of the plan ---------------------------------------------------------------------------------

void bind(Plan& plan, const std::string& path, Mount::Kind kind = Mount::Kind::read_only) {
  plan.mounts.push_back({.kind = kind, .target = path, .source = path});
}

bool is_protection(const Plan& plan, const Mount& mount) {
  return mount.purpose == plan::Purpose::protection && base::is_within(mount.target, plan.project.root);
}

void take_out(Plan& plan) {
  if (is_broken("home"))
    for (auto& mount : plan.mounts)
      if (mount.target == plan.user_home) mount.source = plan.user_home;
  if (is_broken("machine")) bind(plan, "/mnt");
  if (is_broken("path")) bind(plan, std::getenv("CLAUDEBOX_BREAK_PATH"));
  if (is_broken("environment"))
    for (char** entry = environ; *entry; ++entry) {
      const std::string_view text = *entry;
      const std::string name(text.substr(0, text.find('=')));
      if (std::none_of(plan.env.begin(), plan.env.end(), [&](const auto& one) { return one.name == name; }))
        plan.env.push_back({.name = name, .value = "passed"});
    }
  if (is_broken("proc-sys"))
    std::erase_if(plan.mounts, [](const Mount& mount) { return mount.target == "/proc/sys"; });
  if (is_broken("sys")) bind(plan, "/sys", Mount::Kind::writable);
  if (is_broken("device")) bind(plan, "/dev/net/tun", Mount::Kind::writable);
  if (is_broken("covers")) {
    std::erase_if(plan.mounts, [&](const Mount& mount) { return is_protection(plan, mount); });
    plan.watches.clear();  // who notices that a cover is gone
  }
  if (is_broken("pins"))
    std::erase_if(plan.mounts, [&](const Mount& mount) {
      return is_protection(plan, mount) && mount.kind == Mount::Kind::writable;
    });
  if (is_broken("landlock")) plan.scope_abstract_sockets = false;
  if (is_broken("network")) plan.network.value = plan::Tier::full;
  if (is_broken("private-ranges"))
    for (const char* all : {"0.0.0.0/0", "::/0"}) plan.net.lan.emplace_back().prefix = all;
  if (is_broken("limits")) plan.limits.all.clear();
}

}  // namespace

report::Outcome run(const Plan& plan, const runtime::RunOptions& options) WRAP(RUN);
report::Outcome real_run(const Plan& plan, const runtime::RunOptions& options) REAL(RUN);

report::Outcome run(const Plan& plan, const runtime::RunOptions& options) {
  Plan executed = plan;
  take_out(executed);
  running = true;
  auto outcome = real_run(executed, options);
  running = false;
  if (is_broken("process") && ::fork() == 0) {
    for (int number = 0; number < 3; ++number) ::close(number);
    ::sleep(3);
    ::_exit(0);
  }
  const char* root = plan.project.root.c_str();
  if (is_broken("mount") && ::mount(root, root, nullptr, MS_BIND, nullptr) < 0) std::perror("mount");
  return outcome;
}

// --- bwrap's options ----------------------------------------------------------------------------------------------

/// Replaces the first place where `from` stands in the options.
void replace(Words& words, const Words& from, const Words& to) {
  const auto at = std::search(words.begin(), words.end(), from.begin(), from.end());
  if (at == words.end()) std::abort();  // a breakage that breaks nothing
  words.insert(words.erase(at, at + static_cast<std::ptrdiff_t>(from.size())), to.begin(), to.end());
}

void change_options(Words& words) {
  const auto after = [&](const char* word) { return *(std::find(words.begin(), words.end(), word) + 1); };
  if (is_broken("pid-namespace")) replace(words, {"--unshare-pid"}, {});
  if (is_broken("pid-namespace") || is_broken("host-proc"))
    replace(words, {"--proc", "/proc"}, {"--dev-bind", "/proc", "/proc"});
  if (is_broken("namespaces")) replace(words, {"--unshare-ipc"}, {});
  if (is_broken("capabilities")) replace(words, {"--cap-drop", "ALL"}, {"--cap-add", "ALL"});
  if (is_broken("user")) replace(words, {"--uid", after("--uid")}, {"--uid", "12345"});
  if (is_broken("seccomp")) replace(words, {"--add-seccomp-fd", after("--add-seccomp-fd")}, {});
}

sys::UniqueFd make_memory_file(const char* name, std::string_view content) WRAP(MEMORY_FILE);
sys::UniqueFd real_make_memory_file(const char* name, std::string_view content) REAL(MEMORY_FILE);

sys::UniqueFd make_memory_file(const char* name, std::string_view content) {
  if (std::strcmp(name, "claudebox-bwrap-options") != 0) return real_make_memory_file(name, content);
  auto words = base::split(content.substr(0, content.size() - 1), '\0');
  change_options(words);
  std::string changed;
  for (const auto& word : words) (changed += word) += '\0';
  return real_make_memory_file(name, changed);
}

// --- the start of the box -----------------------------------------------------------------------------------------

sys::ChildProcess clone_child(unsigned long flags) noexcept WRAP(CLONE_CHILD);
sys::ChildProcess real_clone_child(unsigned long flags) noexcept REAL(CLONE_CHILD);

sys::ChildProcess clone_child(unsigned long flags) noexcept {
  const bool is_box = (flags & CLONE_NEWUSER) != 0 && (flags & CLONE_NEWPID) != 0;
  return real_clone_child(is_broken("pid-namespace") && is_box ? flags & ~CLONE_NEWPID : flags);
}

bool is_bwrap(const char* path) noexcept {
  const char* slash = std::strrchr(path, '/');
  return slash && std::strcmp(slash, "/bwrap") == 0;
}

extern "C" {
int __real_execve(const char* path, char* const* arguments, char* const* environment);
int __wrap_execve(const char* path, char* const* arguments, char* const* environment) {
  if (is_broken("descriptors") && is_bwrap(path)) ::open("/", O_PATH);  // NOLINT(android-cloexec-open)
  return __real_execve(path, arguments, environment);
}

int __real_mount(const char* source, const char* target, const char* type, unsigned long flags,
                 const void* data);
int __wrap_mount(const char* source, const char* target, const char* type, unsigned long flags,
                 const void* data) {
  if (is_broken("program") && is_bwrap(target)) return 0;
  return __real_mount(source, target, type, flags, data);
}
int __real_mount_setattr(int directory, const char* path, unsigned flags, mount_attr* attributes,
                         std::size_t size);
int __wrap_mount_setattr(int directory, const char* path, unsigned flags, mount_attr* attributes,
                         std::size_t size) {
  if (is_broken("program") && is_bwrap(path)) return 0;
  return __real_mount_setattr(directory, path, flags, attributes, size);
}
}

// --- the end ------------------------------------------------------------------------------------------------------

void end_stubs(runtime::Stubs* stubs) WRAP(STUBS_END);
void real_end_stubs(runtime::Stubs* stubs) REAL(STUBS_END);

void end_stubs(runtime::Stubs* stubs) {
  if (!is_broken("stubs")) real_end_stubs(stubs);
}

// --- the gateway --------------------------------------------------------------------------------------------------

std::vector<net::HostPrefix> read_host(const runtime::HostNetworks* networks) WRAP(HOST_READ);
std::vector<net::HostPrefix> real_read_host(const runtime::HostNetworks* networks) REAL(HOST_READ);

std::vector<net::HostPrefix> read_host(const runtime::HostNetworks* networks) {
  if (is_broken("host-networks") && running) return {};
  return real_read_host(networks);
}

net::Judgement outgoing(net::Policy* policy, const net::Packet& packet, net::Time now) WRAP(OUTGOING);
net::Judgement real_outgoing(net::Policy* policy, const net::Packet& packet, net::Time now) REAL(OUTGOING);

net::Judgement outgoing(net::Policy* policy, const net::Packet& packet, net::Time now) {
  const auto judgement = real_outgoing(policy, packet, now);
  if (is_broken("policy") && judgement.verdict == net::Verdict::refuse) return {net::Verdict::pass, ""};
  return judgement;
}

const char* unanswerable(const net::Policy* policy, const net::Address& address, bool lan) WRAP(UNANSWERABLE);
const char* real_unanswerable(const net::Policy* policy, const net::Address& address, bool lan)
    REAL(UNANSWERABLE);

const char* unanswerable(const net::Policy* policy, const net::Address& address, bool lan) {
  return is_broken("name-answers") ? nullptr : real_unanswerable(policy, address, lan);
}

using Immediate = std::optional<gateway::LookupRules::Immediate>;
using Query = std::span<const std::uint8_t>;
using Question = std::optional<net::Question>;
Immediate answer_here(const gateway::LookupRules* rules, Query query, const Question& question)
    WRAP(ANSWER_HERE);
Immediate real_answer_here(const gateway::LookupRules* rules, Query query, const Question& question)
    REAL(ANSWER_HERE);

Immediate answer_here(const gateway::LookupRules* rules, Query query, const Question& question) {
  if (is_broken("names")) return std::nullopt;
  return real_answer_here(rules, query, question);
}

}  // namespace claudebox::breakage
