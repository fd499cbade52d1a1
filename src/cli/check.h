// Is this machine ready? Facts are gathered in one place, judged in another, so that the judgement can be tested
// for hosts that are not this one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "sys/host_view.h"
#include "sys/namespace_attempt.h"

namespace claudebox::cli {

/// A program on PATH and what it said about itself.
struct ProgramFacts {
  std::string path{};     ///< empty: not found
  std::string version{};  ///< "0.8.0"; empty where it did not say
  std::string help{};     ///< output of --help, where it is asked for
  bool answered = true;   ///< false: it did not start, or not end in time
};

struct Facts {
  bool root = false;
  std::string distribution{};  ///< ID and ID_LIKE of os-release(5), with spaces between and around
  std::string kernel{};        ///< release
  sys::NamespaceAttempt namespaces{};
  std::optional<long> unprivileged_clone{};    ///< kernel.unprivileged_userns_clone (Debian's switch)
  std::optional<long> apparmor_restriction{};  ///< kernel.apparmor_restrict_unprivileged_userns
  bool apparmor_profile = false;               ///< /etc/apparmor.d/claudebox is there
  std::map<std::string, long> limits{};        ///< user.max_KIND_namespaces by KIND: "user", "mnt", "pid" …
  bool seccomp_filter = true;                  ///< the kernel takes seccomp filters
  int landlock_abi = 0;
  ProgramFacts bwrap{}, slirp4netns{}, git{}, nix{}, agent{};
  std::string agent_hint{};  ///< how to install the agent
  plan::Login login{};       ///< what a box would be logged in with
  std::string login_problem{}, login_hint{};
  plan::CgroupPlace cgroups{};    ///< where the limits of a box could be made
  bool counts_processes = false;  ///< RLIMIT_NPROC counts a box's processes, and holds this user
  enum class Tun { usable, missing, forbidden } tun = Tun::usable;
  bool terminal = false;  ///< standard input and error are one
  std::size_t columns = 0, rows = 0;
  std::optional<long> legacy_tiocsti{};  ///< dev.tty.legacy_tiocsti
};

struct Part {
  enum class State {
    good,
    poor,  ///< works, but less well than it could
    bad,   ///< there, and does not suffice
    missing,
  };
  std::string name{};     ///< stable, for programs: "user-namespaces"
  std::string title{};    ///< for people: "user namespaces"
  bool required = false;  ///< no box starts without it
  State state = State::good;
  std::string version{};
  std::string detail{};  ///< what was found, and what follows from it
  std::vector<std::string>
      remedy{};  ///< commands and sentences, one a line; empty where nothing is to be done
};

/// Looks at this machine. Everything that `assess` needs; starts some programs for their versions.
Facts gather(const sys::HostView& host);
/// Only what is required, for the diagnosis of a failed start.
Facts gather_required(const sys::HostView& host);

/// Pure. Required parts first.
std::vector<Part> assess(const Facts& facts);
Part assess_namespaces(const Facts& facts);
Part assess_bwrap(const Facts& facts);

bool is_ready(const std::vector<Part>& parts);

/// The first required part that does not suffice, as what is wrong and what to do; empty where all do.
struct Diagnosis {
  std::string message{};
  std::string hint{};
};
std::optional<Diagnosis> diagnose(const Facts& facts);

}  // namespace claudebox::cli
