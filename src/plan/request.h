// What the user asked for, after flags, environment and defaults: the input of planning.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/origin.h"

namespace claudebox::plan {

/// How much network a box has.
enum class Tier { full, internet, allowlist, offline };

/// What the agent in a box logs in with.
enum class LoginMode {
  broker,  ///< the user's own login, as an access token that is kept fresh from outside
  store,   ///< a login that boxes share, apart from the user's
  env,     ///< variables
  none,    ///< nothing: what is logged in to in a box stays in its instance
};

/// A value together with where it came from.
template <class T>
struct Setting {
  T value{};
  base::Origin origin{};
  bool operator==(const Setting&) const = default;
};

/// What runs in the box.
enum class Action {
  agent,     ///< the coding agent, with `arguments` for it
  command,   ///< `arguments` is the command and its arguments
  shell,     ///< the user's shell
  selftest,  ///< the built-in probe
};

/// One `--mount SRC[:DST][:ro|rw]`, taken apart; paths as typed (a leading ~ is expanded by planning).
struct MountRequest {
  std::string source;
  std::string target;  ///< empty: the same path as the source
  bool writable = false;
  base::Origin origin;
  bool operator==(const MountRequest&) const = default;
};

/// One `--env NAME[=VALUE]`; without a value it is taken from the host.
struct EnvRequest {
  std::string name;
  std::optional<std::string> value;
  base::Origin origin;
  std::string host_name = {};  ///< the host's variable that it is taken from; empty: `name`
  bool operator==(const EnvRequest&) const = default;
};

/// One `--allow HOST`: a name, or "*." and a name.
struct AllowedHost {
  std::string pattern;  ///< normalized, as net::NamePattern::to_string() gives it
  base::Origin origin;
  bool operator==(const AllowedHost&) const = default;
};

/// One `--lan ADDR[/LEN][:PORT]` or `--lan NAME[:PORT]`; one of `prefix` and `name` is empty.
struct LanDestination {
  std::string prefix;      ///< "192.168.1.5/32"
  std::string name;        ///< normalized
  std::uint16_t port = 0;  ///< 0: every port
  base::Origin origin;
  bool operator==(const LanDestination&) const = default;
};

/// One `--publish [HOSTPORT:]PORT`.
struct PublishedPort {
  std::uint16_t host_port = 0;
  std::uint16_t box_port = 0;
  base::Origin origin;
  bool operator==(const PublishedPort&) const = default;
};

/// One `--reach PORT`.
struct ReachedPort {
  std::uint16_t port = 0;
  base::Origin origin;
  bool operator==(const ReachedPort&) const = default;
};

/// One protection of BOX-10 that a profile lifts: a row of protections().
struct LiftedProtection {
  std::string name;  ///< "git-hooks"
  base::Origin origin;
  bool operator==(const LiftedProtection&) const = default;
};

/// One `--package` or `--devshell`: what Nix calls an installable, FLAKE#ATTRIBUTE.
struct PackageRequest {
  std::string flake;  ///< a reference ("nixpkgs", "github:owner/repo"), or a directory where it is `local`
  std::string attribute;  ///< "python3"; empty: the flake's default
  bool local = false;     ///< `flake` is a path as typed; "." is the project's own
  base::Origin origin;
  bool operator==(const PackageRequest&) const = default;
};

/// What can be limited for a box.
enum class LimitKind { memory, cpu, processes, open_files };

/// One `--limit NAME=AMOUNT`.
struct RequestedLimit {
  LimitKind kind = LimitKind::memory;
  std::uint64_t amount = 0;  ///< bytes; percent of one core; processes and threads; open files of a process
  base::Origin origin;
  bool operator==(const RequestedLimit&) const = default;
};

/// A file that had a say in this request.
struct SettingsFile {
  enum class Kind { defaults, profile, project };
  Kind kind = Kind::profile;
  std::string name;  ///< of a profile: "web"; else the file's
  std::string path;
  bool waits = false;  ///< the project's own, and some of it has not been approved
  bool operator==(const SettingsFile&) const = default;
};

/// Something that the person should know before the start.
struct Note {
  enum class Level { info, warning, danger };
  Level level = Level::info;
  std::string text{};
  base::Origin origin{};
  bool operator==(const Note&) const = default;
};

struct Request {
  Action action = Action::agent;
  std::vector<std::string> arguments;
  std::string agent = "claude";  ///< --agent NAME, one that there is
  Setting<Tier> network{Tier::internet, {}};
  std::vector<AllowedHost> allow;
  std::vector<LanDestination> lan;
  std::vector<PublishedPort> publish;
  std::vector<ReachedPort> reach;
  std::optional<base::Origin> nix_daemon;  ///< --nix-daemon
  bool nix_daemon_network = false;         ///< --nix-daemon-network: known to leave the tier
  std::vector<MountRequest> mounts;
  std::vector<EnvRequest> env;
  std::vector<PackageRequest> packages;
  std::optional<PackageRequest> devshell;
  std::map<std::string, std::string> approved_flakes;  ///< directory and text, see plan/flake_source
  std::optional<Setting<LoginMode>> login;             ///< --auth; without it planning chooses
  std::string login_store;                             ///< of --auth store:NAME; empty: "default"
  std::optional<std::string> project;                  ///< --project DIR
  std::optional<std::string> instance;  ///< --instance NAME: a parallel instance beside the project's own
  Setting<bool> nested{true, {}};       ///< sandboxes can be made in the box
  Setting<bool> always_ask{false, {}};  ///< also where nothing changed
  std::vector<LiftedProtection> lifted;
  std::vector<RequestedLimit> limits;  ///< at most one of a kind
  std::vector<SettingsFile> files;     ///< lowest first
  std::vector<Note> notes;             ///< about what was asked for
  bool share_instance = false;         ///< --force: go on although another box holds the instance

  bool operator==(const Request&) const = default;
};

}  // namespace claudebox::plan
