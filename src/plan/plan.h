// The plan: everything that a run will do, as plain data. Made without side effects, shown, then executed by
// code that never decides again. What is not in here does not happen.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/origin.h"
#include "plan/request.h"

namespace claudebox::plan {

/// Which part of the audit a mount belongs to.
enum class Purpose {
  system,      ///< /usr, /etc, /dev, /proc and the like
  home,        ///< the box's home and what of the user's tools is visible in it
  agent,       ///< the agent's program, its settings and memory
  login,       ///< what the agent logs in with
  project,     ///< the project and its git directory
  protection,  ///< read-only covers over what later runs on the host
  packages,    ///< what Nix resolved
  extra,       ///< asked for by the user
};

/// One mount operation in the box. Applied in the order of the plan.
struct Mount {
  enum class Kind {
    read_only,  ///< bind `source` on `target`, read-only
    writable,   ///< bind `source` on `target`
    tmpfs,      ///< an empty file system in memory
    directory,  ///< an empty directory
    symlink,    ///< a link at `target` that says `source`
    file,       ///< a read-only file with `content`, copied from `source` where that is not empty
    proc,
    dev,
    login,  ///< read-only: a file system in memory that only claudebox writes, with the agent's credential
    store,  ///< read-only: those paths of the directory `source` that `names` has, and no other
  };
  Kind kind = Kind::read_only;
  std::string target{};   ///< absolute path in the box, normalized
  std::string source{};   ///< canonical host path of a bind or copy; the text of a symlink
  std::string content{};  ///< of a file
  mode_t mode = 0;        ///< of a tmpfs, directory or file; 0 means bwrap's default
  Purpose purpose = Purpose::system;
  base::Origin origin{};
  std::vector<std::string>
      inside{};  ///< of what the user asked for: secrets by their names, relative to the source
  std::vector<std::string> names{};  ///< of a store, sorted

  bool is_bind() const { return kind == Kind::read_only || kind == Kind::writable; }
  bool operator==(const Mount&) const = default;
};

/// One environment variable of the box.
struct EnvVar {
  enum class Kind {
    generated,  ///< made by the plan
    host,       ///< taken from the host because it is on the allow-list
    extra,      ///< granted by the user
  };
  std::string name{};
  std::string value{};
  Kind kind = Kind::generated;
  base::Origin origin{};
  bool from_host = false;      ///< the value was read from the host's environment
  std::string host_name{};     ///< where that has it under another name
  bool from_devshell = false;  ///< granted, and a dev shell has it; empty until that is resolved

  bool operator==(const EnvVar&) const = default;
};

/// An inert file or empty directory that is made on the host before the start, so that a read-only bind has
/// something to sit on, and removed at the end where it is still ours and unchanged.
struct Stub {
  enum class Kind { file, directory };
  Kind kind = Kind::file;
  std::string path{};
  std::string content{};
  base::Origin origin{};
  bool operator==(const Stub&) const = default;
};

/// A name watched from outside for the life of the box.
struct Watch {
  enum class Response {
    remove_and_end,  ///< it must not appear: move it away, kill the box, say why
    end,             ///< it was replaced from outside, so its read-only cover is gone: kill the box, say why
  };
  std::string directory{};
  std::string name{};
  Response response = Response::remove_and_end;
  std::string reason{};  ///< for the message: "git would take its configuration from there"
  bool operator==(const Watch&) const = default;
};

/// A path compared at exit with what it was at the start; a difference is reported, nothing is undone.
struct Sweep {
  std::string path{};
  std::string reason{};  ///< "runs when you enter the directory"
  bool operator==(const Sweep&) const = default;
};

/// What is made or brought up to date in the instance before the start.
struct StateFile {
  enum class Policy {
    directory,      ///< make it, mode 0700
    replace,        ///< write `content`
    json_defaults,  ///< a JSON object: keys that the file lacks are added, at every depth
    json_override,  ///< a JSON object: its keys win over the file's, at every depth
  };
  Policy policy = Policy::directory;
  std::string path{};  ///< below the instance directory
  std::string content{};
  base::Origin origin{};
  bool operator==(const StateFile&) const = default;
};

struct Project {
  std::string root{};            ///< writable in the box, at this very path; canonical
  std::string directory{};       ///< where the command starts: root or a directory in it
  std::string canonical_root{};  ///< what the instance id is made from
  bool read_only = false;        ///< the user may not write it, so the box may not either
  base::Origin origin{};
  bool operator==(const Project&) const = default;
};

struct Instance {
  std::string id{};         ///< 16 hexadecimal digits, with "-NAME" for a parallel one
  std::string directory{};  ///< ~/.claudebox/instances/ID
  std::string home{};       ///< its private home, mounted at the user's home path
  bool share = false;
  bool operator==(const Instance&) const = default;
};

/// How the box's own network is made, in every tier but `full`.
struct Network {
  std::string box_v4 =
      "198.51.100.100";  ///< the box's addresses. From ranges that no network uses, so that nothing of
  std::string box_v6 = "fd00::100";       ///< the host's is shadowed
  std::string resolver = "198.51.100.3";  ///< its name server, answered by the gateway
  std::string slirp_network = "198.51.100.0/24";
  std::vector<AllowedHost> allow{};      ///< of the tier allowlist
  std::vector<LanDestination> lan{};     ///< private destinations that are opened
  std::vector<PublishedPort> publish{};  ///< from the host's loopback into the box
  std::vector<ReachedPort> reach{};      ///< from the box to the host's loopback
  std::string slirp{};                   ///< absolute path of slirp4netns; empty where the tier needs none
  bool operator==(const Network&) const = default;
};

/// What the agent in the box is logged in with. Never a secret: those are read when they are needed.
struct Login {
  Setting<LoginMode> mode{LoginMode::none, {}};
  std::string store{};                   ///< of the mode store: its name
  std::vector<std::string> variables{};  ///< of the mode env: those that carry the login
  std::string
      directory{};  ///< the host's: of the broker where the user's own credential is, of a store where it is kept
  std::string file{};            ///< the credential's name in it
  std::string lock{};            ///< of a store: what a client makes while it renews the login
  std::string backup{};          ///< of a store: where its last good credential is kept, which no box sees
  std::int64_t valid_until = 0;  ///< of the access token, milliseconds since 1970; 0: not known
  bool expired = false;          ///< it had run out when the plan was made
  std::string subscription{};    ///< "max"
  std::vector<std::string> renewal{};  ///< of the broker: the command that renews it on the host
  std::string renewal_directory{};     ///< where that has its own state and runs
  std::map<std::string, std::string> renewal_set{};  ///< variables that it gets beside claudebox's own
  std::vector<std::string> renewal_unset{};          ///< and those that it does not get; "NAME*" is a prefix
  bool operator==(const Login&) const = default;
};

/// A package or a dev shell of Nix (PKG-1): what was asked for and, where that has been resolved before and still holds,
/// what it came to.
struct Package {
  enum class Kind { package, devshell };
  Kind kind = Kind::package;
  std::string flake{};      ///< a reference, or the canonical directory of a local flake
  std::string attribute{};  ///< empty: the flake's default
  bool local = false;
  std::string repository{};                    ///< of a local flake: the work tree around it; empty: none
  std::vector<std::string> git_directories{};  ///< and what git keeps outside of that
  std::string approved{};                      ///< what of its files was approved, see plan/flake_source
  std::string entry{};                         ///< the directory of its record
  std::string settings{};                      ///< a digest of the configuration of Nix that it depends on
  bool resolved = false;
  std::string locked{};                            ///< what the reference meant then
  std::vector<std::string> outputs{};              ///< paths in the store
  std::vector<std::string> closure{};              ///< these and all that they need
  std::vector<std::string> path{};                 ///< entries for PATH
  std::map<std::string, std::string> variables{};  ///< of a dev shell: those that enter the box
  std::map<std::string, std::string> withheld{};   ///< and those that enter it only where they are granted
  base::Origin origin{};

  /// "nixpkgs#python3"; a local flake by its directory.
  std::string name() const { return flake + (attribute.empty() ? "" : "#" + attribute); }
  bool operator==(const Package&) const = default;
};

/// A limit, and what holds the box to it on this host.
struct Limit {
  enum class By {
    group,     ///< a cgroup v2: all processes of the box together
    resource,  ///< setrlimit(2): each process by itself; of `processes`, the box
    nothing,   ///< it can't be had here
  };
  LimitKind kind = LimitKind::memory;
  std::uint64_t amount = 0;  ///< as in RequestedLimit
  By by = By::nothing;
  std::string reason{};  ///< why it can't be had
  base::Origin origin{};
  bool operator==(const Limit&) const = default;
};

/// Where this host lets claudebox make a cgroup v2 of its own.
struct CgroupPlace {
  enum class Way {
    none,
    delegated,  ///< below the cgroup that claudebox runs in
    systemd,    ///< in a scope that the user's systemd makes (the system's, for root)
  };
  Way way = Way::none;
  std::string directory{};  ///< of `delegated`: the cgroup, below /sys/fs/cgroup
  bool move_away = false;   ///< of `delegated`: claudebox itself has to leave it for one beside the box's
  std::vector<std::string> bus{};          ///< of `systemd`: busctl and the bus that it talks to
  std::vector<std::string> controllers{};  ///< "memory", "cpu", "pids": those that there are
  std::string reason{};                    ///< of `none`
  bool operator==(const CgroupPlace&) const = default;
};

struct Limits {
  std::vector<Limit> all{};  ///< in the order of LimitKind
  CgroupPlace place{};       ///< Way::none where no limit is by group
  bool operator==(const Limits&) const = default;
};

struct Command {
  Action action = Action::agent;
  std::vector<std::string> argv{};  ///< argv[0] is the absolute path in the box
  std::string display{};            ///< for people: "claude", "make test"
  bool operator==(const Command&) const = default;
};

struct Plan {
  std::string agent = "claude";  ///< whose program, configuration and state the box has
  Setting<Tier> network{};
  Network net{};
  std::optional<base::Origin> nix_daemon{};  ///< the socket of the Nix daemon is in the box
  Project project{};
  Instance instance{};
  Command command{};
  Login login{};
  std::vector<Package> packages{};
  Limits limits{};
  uid_t uid = 0;
  gid_t gid = 0;
  std::string user{};
  std::string user_home{};  ///< canonical; the box's HOME is the same path
  std::string host_name = "claudebox";
  std::vector<Mount> mounts{};
  std::vector<EnvVar> env{};
  std::vector<StateFile> state{};
  std::vector<Stub> stubs{};
  std::vector<Watch> watches{};
  std::vector<Sweep> sweeps{};
  std::vector<Note> notes{};
  std::vector<SettingsFile> files{};       ///< profiles and the like that had a say, lowest first
  std::vector<LiftedProtection> lifted{};  ///< protections that are off
  bool always_ask = false;                 ///< a plan that was approved is asked about again
  bool nested = true;                      ///< user namespaces stay possible inside
  bool new_session = false;                ///< no terminal: a session of its own for the box
  bool scope_abstract_sockets = false;     ///< Landlock keeps the host's abstract sockets away
  std::string bwrap{};                     ///< absolute path of the bubblewrap program

  /// Whether the box has a network namespace of its own.
  bool own_network() const { return network.value != Tier::full; }
  /// Whether packets leave it, by way of the gateway.
  bool has_gateway() const { return network.value == Tier::internet || network.value == Tier::allowlist; }

  bool operator==(const Plan&) const = default;
};

/// "full", "internet", "allowlist", "offline".
const char* tier_name(Tier tier);
/// "defaults", "profile", "project".
const char* settings_file_name(SettingsFile::Kind kind);
/// "broker", "store", "env", "none".
const char* login_name(LoginMode mode);

}  // namespace claudebox::plan
