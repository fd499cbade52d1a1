// Git configuration files with what they include, read without running git.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "plan/git_config.h"
#include "sys/host_view.h"

namespace claudebox::plan {

/// Entries in the order in which git takes them: what is included stands where its include stood.
struct GitConfigFiles {
  struct File {
    std::string path{};  ///< as named, absolute; it need not exist
    bool exists = false;
    bool operator==(const File&) const = default;
  };
  std::vector<GitConfigEntry> entries{};
  std::vector<File> files{};
  bool complete = true;  ///< false where a file was too large or unreadable, or the bounds were reached
  bool operator==(const GitConfigFiles&) const = default;
};

/// Whether an `includeIf` holds: its condition ("gitdir:~/work/") and the file that it stands in.
using IncludeCondition = std::function<bool(const std::string& condition, const std::string& file)>;

/// Reads `paths` in order. Includes are followed five files deep and 64 files in all; `home` is what "~" means.
GitConfigFiles read_git_config(const sys::HostView& host, const std::vector<std::string>& paths,
                               const std::string& home, const IncludeCondition& holds);

/// The user's and the system's configuration files, in git's order (git-config(1), FILES). They need not exist.
std::vector<std::string> host_git_config_paths(const sys::HostView& host, const std::string& home);

/// `path` of a configuration value, where "~/" is `home`, relative to `directory`. Normalized.
std::string git_config_path(const std::string& path, const std::string& directory, const std::string& home);

/// includeIf "gitdir:PATTERN" and "gitdir/i:PATTERN" (git-config(1), "Conditional includes") for a repository with
/// this git directory. Other conditions (onbranch, hasconfig) don't hold: they can change while the box lives.
bool gitdir_condition_holds(const std::string& condition, const std::string& file, const std::string& git_dir,
                            const std::string& home);

}  // namespace claudebox::plan
