// The one place where commands and options are defined; argv becomes what was typed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/docs.h"

namespace claudebox::cli {

enum class Verb {
  agent,
  run,
  shell,
  plan,
  check,
  selftest,
  instance_list,
  instance_show,
  instance_path,
  instance_rm,
  instance_gc,
  log,
  profile_list,
  profile_show,
  profile_check,
  profile_new,
  profile_import,
  trust,
  packages_list,
  packages_update,
  packages_remove,
  completion,
  help,
  version,
  // For claudebox's own scripts.
  generate_man,
  complete,
  seccomp_filter,
  profile_schema,
};

/// Exactly what was typed; no meaning, no look at the system.
struct LowArgs {
  Verb verb = Verb::agent;
  std::vector<std::string> rest{};  ///< after "--", or the command of `run`
  std::optional<std::string> profile{}, agent{}, network{}, auth{}, project{}, instance{}, devshell{};
  bool nix_daemon = false, nix_daemon_network = false;
  std::vector<std::string> allow{}, lan{}, publish{}, reach{}, mounts{}, env{}, packages{}, limits{};
  bool force = false, yes = false, dry_run = false, json = false, explain = false, timings = false;
  bool quiet = false, verbose = false;
  bool denied = false, follow = false;
  bool revoke = false;
  bool all = false;                         ///< of `packages remove`
  std::optional<std::string> like{}, as{};  ///< of `profile new` and `profile import`
  bool short_help = false;                  ///< -h, not --help
  std::string
      argument{};  ///< instance id, session, shell of `completion`, topic of help or of a hidden command
};

/// Parses argv without argv[0]. Older spellings are understood. Throws base::Error with exit status 2, and
/// the nearest real name, for anything unknown. `--help` gives Verb::help with the command in `argument`.
LowArgs parse(const std::vector<std::string>& arguments);

/// The tree of commands and options, walked into plain values for help, man pages and completions.
CommandDoc command_tree();

}  // namespace claudebox::cli
