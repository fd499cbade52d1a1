#include "cli/check.h"

#include <gmock/gmock.h>

#include <cerrno>

#include "base/text.h"
#include "cli/json.h"
#include "fake_host.h"

namespace claudebox::cli {
namespace {

using State = Part::State;
using sys::NamespaceStep;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A machine on which everything is there.
Facts ready() {
  Facts facts;
  facts.distribution = " debian ";
  facts.kernel = "6.12.1";
  facts.landlock_abi = 6;
  facts.bwrap = {.path = "/usr/bin/bwrap",
                 .version = "0.8.0",
                 .help =
                     "--args FD --dev-bind SRC DEST --ro-bind-data FD --add-seccomp-fd FD --clearenv "
                     "--json-status-fd FD --perms OCTAL --disable-userns x"};
  for (auto* program : {&facts.slirp4netns, &facts.git, &facts.nix, &facts.agent})
    *program = {.path = "/usr/bin/x", .version = "1.2"};
  facts.login.mode.value = plan::LoginMode::broker;
  facts.cgroups = {.way = plan::CgroupPlace::Way::systemd, .controllers = {"memory", "cpu", "pids"}};
  facts.counts_processes = true;
  facts.terminal = true;
  facts.columns = 80;
  facts.rows = 24;
  facts.legacy_tiocsti = 0;
  return facts;
}

Part part(const Facts& facts, const std::string& name) {
  for (const auto& candidate : assess(facts))
    if (candidate.name == name) return candidate;
  ADD_FAILURE() << "no part " << name;
  return {};
}

std::string remedy(const Part& part) {
  return base::join(part.remedy, "\n");
}

Facts refused(NamespaceStep step, int error) {
  Facts facts = ready();
  facts.namespaces = {step, error};
  return facts;
}

TEST(Check, AReadyMachine) {
  const auto parts = assess(ready());
  EXPECT_TRUE(is_ready(parts));
  for (const auto& each : parts) {
    EXPECT_EQ(each.state, State::good) << each.name;
    EXPECT_THAT(each.remedy, IsEmpty()) << each.name;
  }
  EXPECT_FALSE(diagnose(ready()));
}

TEST(Check, WhatIsRequired) {
  std::vector<std::string> required;
  for (const auto& each : assess(ready()))
    if (each.required) required.push_back(each.name);
  EXPECT_THAT(required, ::testing::ElementsAre("user-namespaces", "bwrap", "seccomp"));
}

TEST(Check, LimitsAreWhatTheyAre) {
  EXPECT_EQ(part(ready(), "limits").detail,
            "through systemd: memory of the whole box, processes of the whole box, cpu, open files of each "
            "process");
  Facts facts = ready();
  facts.cgroups = {.reason = "there is no cgroup v2 at /sys/fs/cgroup"};
  EXPECT_EQ(part(facts, "limits").state, State::poor);
  EXPECT_EQ(part(facts, "limits").detail,
            "only resource limits apply: there is no cgroup v2 at /sys/fs/cgroup; memory of each process, "
            "processes "
            "of the whole box, open files of each process; not cpu");
  facts.counts_processes = false;  // root
  EXPECT_THAT(part(facts, "limits").detail,
              HasSubstr("; memory of each process, open files of each process; not processes, cpu"));
  facts.cgroups = {
      .way = plan::CgroupPlace::Way::delegated, .directory = "/sys/fs/cgroup/a", .controllers = {"pids"}};
  EXPECT_EQ(
      part(facts, "limits").detail,
      "through /sys/fs/cgroup/a: memory of each process, processes of the whole box, open files of each "
      "process; not cpu");
}

TEST(Check, WithoutAnythingOptionalItIsStillReady) {
  Facts facts = ready();
  facts.slirp4netns = facts.git = facts.nix = facts.agent = {};
  facts.tun = Facts::Tun::missing;
  facts.landlock_abi = 0;
  facts.terminal = false;
  EXPECT_TRUE(is_ready(assess(facts)));
  for (const std::string name : {"slirp4netns", "git", "nix", "agent", "tun", "landlock", "terminal"})
    EXPECT_EQ(part(facts, name).state, State::missing) << name;
}

TEST(Check, TheKernelsSwitch) {
  Facts facts = refused(NamespaceStep::user_namespace, EPERM);
  facts.unprivileged_clone = 0;
  const Part result = assess_namespaces(facts);
  EXPECT_EQ(result.state, State::bad);
  EXPECT_THAT(result.detail, HasSubstr("kernel.unprivileged_userns_clone = 0"));
  EXPECT_THAT(result.remedy, Contains("sudo sysctl -w kernel.unprivileged_userns_clone=1"));
  EXPECT_FALSE(is_ready(assess(facts)));
  EXPECT_THAT(diagnose(facts)->hint, HasSubstr("kernel.unprivileged_userns_clone=1"));
}

TEST(Check, AppArmorAsOnUbuntu) {
  // There the namespace is made, and its first use of a capability is refused.
  Facts facts = refused(NamespaceStep::id_map, EPERM);
  facts.apparmor_restriction = 1;
  EXPECT_THAT(assess_namespaces(facts).detail, HasSubstr("AppArmor"));
  EXPECT_THAT(remedy(assess_namespaces(facts)), HasSubstr("script/run"));
  facts.apparmor_profile = true;
  EXPECT_THAT(remedy(assess_namespaces(facts)), HasSubstr("apparmor_parser -r /etc/apparmor.d/claudebox"));
  facts.apparmor_restriction = 0;
  EXPECT_THAT(assess_namespaces(facts).detail, Not(HasSubstr("AppArmor")));
}

TEST(Check, ALimitOfZero) {
  Facts facts = refused(NamespaceStep::user_namespace, ENOSPC);
  facts.limits = {{"user", 0}, {"net", 100}};
  EXPECT_THAT(assess_namespaces(facts).detail, HasSubstr("user.max_user_namespaces is 0"));
  EXPECT_THAT(remedy(assess_namespaces(facts)), HasSubstr("sysctl -w user.max_user_namespaces=15000"));
  facts.limits = {{"user", 100}, {"net", 0}};
  EXPECT_THAT(remedy(assess_namespaces(facts)), HasSubstr("user.max_net_namespaces=15000"));
}

TEST(Check, TheNestingLimit) {
  for (const int error : {ENOSPC, EUSERS}) {
    Facts facts = refused(NamespaceStep::nested, error);
    facts.limits = {{"user", 100}};
    EXPECT_THAT(assess_namespaces(facts).detail, HasSubstr("32 sandboxes deep"));
    EXPECT_THAT(remedy(assess_namespaces(facts)), HasSubstr("outside of the other sandbox"));
  }
}

TEST(Check, Containers) {
  EXPECT_THAT(remedy(assess_namespaces(refused(NamespaceStep::user_namespace, EPERM))),
              HasSubstr("seccomp=unconfined"));
  EXPECT_THAT(remedy(assess_namespaces(refused(NamespaceStep::proc, EPERM))),
              HasSubstr("systempaths=unconfined"));
}

TEST(Check, AKernelWithoutUserNamespaces) {
  for (const int error : {EINVAL, ENOSYS})
    EXPECT_EQ(assess_namespaces(refused(NamespaceStep::user_namespace, error)).state, State::missing);
}

TEST(Check, EveryFailureSaysWhatToDo) {
  for (const auto step : {NamespaceStep::process, NamespaceStep::user_namespace, NamespaceStep::id_map,
                          NamespaceStep::namespaces, NamespaceStep::loopback, NamespaceStep::mount,
                          NamespaceStep::proc, NamespaceStep::nested})
    for (const int error : {EPERM, EACCES, ENOSPC, EUSERS, EINVAL, ENOSYS, ENOMEM, EIO}) {
      const Part result = assess_namespaces(refused(step, error));
      EXPECT_NE(result.state, State::good);
      EXPECT_THAT(result.remedy, Not(IsEmpty()));
    }
}

TEST(Check, NoBubblewrap) {
  Facts facts = ready();
  facts.bwrap = {};
  EXPECT_EQ(assess_bwrap(facts).state, State::missing);
  EXPECT_FALSE(is_ready(assess(facts)));
}

TEST(Check, AnOldBubblewrap) {
  Facts facts = ready();
  facts.bwrap.version = "0.4.1";
  facts.bwrap.help = "--args FD --bind SRC DEST --ro-bind-data FD --json-status-fd FD";
  const Part result = assess_bwrap(facts);
  EXPECT_EQ(result.state, State::bad);
  EXPECT_THAT(result.detail, AllOf(HasSubstr("too old"), HasSubstr("--disable-userns"),
                                   HasSubstr("--add-seccomp-fd"), Not(HasSubstr("--ro-bind-data"))));
  EXPECT_THAT(diagnose(facts)->message, HasSubstr("bubblewrap 0.4.1"));
}

TEST(Check, ABubblewrapThatLacksAnOptionIsNotSaved) {
  // --dev-bind-try is there, and must not count for --dev-bind.
  Facts facts = ready();
  facts.bwrap.help =
      "--args FD --dev-bind-try SRC DEST --ro-bind-data FD --add-seccomp-fd FD --clearenv --json-status-fd "
      "FD "
      "--perms OCTAL --disable-userns x";
  EXPECT_THAT(assess_bwrap(facts).detail, AllOf(HasSubstr("--dev-bind"), Not(HasSubstr("--dev-bind-try"))));
}

TEST(Check, ABubblewrapThatDoesNotStart) {
  Facts facts = ready();
  facts.bwrap.answered = false;
  EXPECT_EQ(assess_bwrap(facts).state, State::bad);
}

TEST(Check, NoSeccomp) {
  Facts facts = ready();
  facts.seccomp_filter = false;
  EXPECT_FALSE(is_ready(assess(facts)));
  EXPECT_THAT(diagnose(facts)->message, HasSubstr("CONFIG_SECCOMP_FILTER"));
}

TEST(Check, TheCommandOfTheDistribution) {
  Facts facts = ready();
  facts.bwrap = {};
  const auto says = [&](const std::string& distribution) {
    facts.distribution = distribution;
    return remedy(assess_bwrap(facts));
  };
  EXPECT_EQ(says(" ubuntu debian "), "sudo apt-get install bubblewrap");
  EXPECT_EQ(says(" rocky rhel centos fedora "), "sudo dnf install bubblewrap");
  EXPECT_EQ(says(" arch "), "sudo pacman -S bubblewrap");
  EXPECT_EQ(says(" opensuse-leap suse opensuse "), "sudo zypper install bubblewrap");
  EXPECT_EQ(says(" nixos "), "nix profile install nixpkgs#bubblewrap");
  EXPECT_EQ(says(" "), "install the package bubblewrap");
  facts.root = true;
  EXPECT_EQ(says(" debian "), "apt-get install bubblewrap");
}

TEST(Check, Landlock) {
  Facts facts = ready();
  facts.landlock_abi = 5;
  EXPECT_EQ(part(facts, "landlock").state, State::poor);
  EXPECT_TRUE(is_ready(assess(facts)));
}

TEST(Check, Terminal) {
  Facts facts = ready();
  facts.columns = 20;
  EXPECT_EQ(part(facts, "terminal").state, State::poor);
  facts = ready();
  facts.legacy_tiocsti = std::nullopt;  // before Linux 6.2 there is no switch: it is on
  EXPECT_THAT(part(facts, "terminal").detail, HasSubstr("TIOCSTI"));
  facts.legacy_tiocsti = 0;
  EXPECT_THAT(part(facts, "terminal").detail, Not(HasSubstr("TIOCSTI")));
}

TEST(Check, Slirp) {
  Facts facts = ready();
  facts.slirp4netns = {};
  EXPECT_EQ(part(facts, "slirp4netns").state, State::missing);
  EXPECT_THAT(part(facts, "slirp4netns").detail, HasSubstr("--network offline works without"));
  EXPECT_THAT(remedy(part(facts, "slirp4netns")), HasSubstr("sudo apt-get install slirp4netns"));
  for (const auto& [version, state] : std::vector<std::pair<std::string, State>>{{"1.1.12", State::bad},
                                                                                 {"0.4.3", State::bad},
                                                                                 {"1.2.0", State::good},
                                                                                 {"1.10", State::good},
                                                                                 {"", State::good}}) {
    facts.slirp4netns = {.path = "/usr/bin/slirp4netns", .version = version};
    EXPECT_EQ(part(facts, "slirp4netns").state, state) << version;
  }
}

TEST(Check, Tun) {
  Facts facts = ready();
  facts.tun = Facts::Tun::forbidden;
  EXPECT_THAT(remedy(part(facts, "tun")), HasSubstr("chmod 0666 /dev/net/tun"));
  facts.tun = Facts::Tun::missing;
  EXPECT_THAT(remedy(part(facts, "tun")), HasSubstr("modprobe tun"));
}

TEST(Check, Login) {
  EXPECT_EQ(part({}, "login").state, State::missing);
  Facts facts = ready();
  facts.login.subscription = "max";
  EXPECT_EQ(part(facts, "login").state, State::good);
  EXPECT_THAT(part(facts, "login").detail, HasSubstr("you are logged in (max)"));
  facts.login.expired = true;
  EXPECT_THAT(part(facts, "login").detail, HasSubstr("renewed when a box starts"));
  facts.login_problem = "you are not logged in: there is no file";
  EXPECT_EQ(part(facts, "login").state, State::missing);
  facts.login_hint = "mend it\nor not";
  EXPECT_EQ(part(facts, "login").state, State::bad);
  EXPECT_EQ(remedy(part(facts, "login")), "mend it\nor not");
  EXPECT_TRUE(is_ready(assess(facts))) << "a box starts without";
}

TEST(Check, Json) {
  Facts facts = ready();
  facts.bwrap = {};
  const std::string json = check_json(assess(facts));
  EXPECT_THAT(json, AllOf(HasSubstr("\"schema\": 1"), HasSubstr("\"ready\": false"),
                          HasSubstr("\"state\": \"missing\"")));
}

/// This very machine runs boxes in the other tests, so what is gathered must say so.
TEST(Check, ThisMachine) {
  claudebox::testing::FakeHost host;
  host.set("PATH", "/usr/bin:/bin").program("/usr/bin/bwrap");
  const Facts facts = gather_required(host);
  EXPECT_TRUE(facts.namespaces.succeeded()) << static_cast<int>(facts.namespaces.failed);
  EXPECT_TRUE(facts.seccomp_filter);
  EXPECT_EQ(facts.bwrap.path, "/usr/bin/bwrap");
  EXPECT_EQ(assess_bwrap(facts).state, State::good);
}

}  // namespace
}  // namespace claudebox::cli
