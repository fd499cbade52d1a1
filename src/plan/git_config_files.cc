#include "plan/git_config_files.h"

#include <fnmatch.h>

#include "base/path.h"
#include "base/text.h"

namespace claudebox::plan {
namespace {

constexpr int kMaxDepth = 5;
constexpr std::size_t kMaxFiles = 64;

class Reading {
 public:
  Reading(const sys::HostView& host, const std::string& home, const IncludeCondition& holds)
      : host_(host), home_(home), holds_(holds) {}

  void file(const std::string& path, int depth) {
    if (depth > kMaxDepth || result.files.size() >= kMaxFiles) {
      result.complete = false;
      return;
    }
    const auto kind = host_.stat(path).kind;
    result.files.push_back({path, kind != sys::FileKind::missing && kind != sys::FileKind::inaccessible});
    if (kind == sys::FileKind::missing) return;
    const auto text = host_.read_file(path);
    if (!text) {
      result.complete = false;
      return;
    }
    for (auto& entry : parse_git_config(*text)) {
      const bool included =
          entry.key == "path" &&
          (entry.section == "include" || (entry.section == "includeif" && holds_(entry.subsection, path)));
      const std::string next = entry.value;
      result.entries.push_back(std::move(entry));
      if (included) file(git_config_path(next, base::parent_of(path), home_), depth + 1);
    }
  }

  GitConfigFiles result;

 private:
  const sys::HostView& host_;
  const std::string& home_;
  const IncludeCondition& holds_;
};

using Segments = std::vector<std::string>;

/// Whether path segments match pattern segments, where "**" stands for any number of them. The table, not
/// recursion, keeps many "**" from taking exponential time.
bool matches(const Segments& pattern, const Segments& path, int flags) {
  std::vector<bool> before(path.size() + 1, false);
  before[0] = true;
  for (const auto& segment : pattern) {
    std::vector<bool> now(path.size() + 1, false);
    for (std::size_t i = 0; i <= path.size(); ++i) {
      if (segment == "**") {
        now[i] = before[i] || (i > 0 && now[i - 1]);
      } else if (i > 0) {
        now[i] = before[i - 1] && ::fnmatch(segment.c_str(), path[i - 1].c_str(), flags) == 0;
      }
    }
    before = std::move(now);
  }
  return before[path.size()];
}

}  // namespace

GitConfigFiles read_git_config(const sys::HostView& host, const std::vector<std::string>& paths,
                               const std::string& home, const IncludeCondition& holds) {
  Reading reading(host, home, holds);
  for (const auto& path : paths) reading.file(path, 0);
  return std::move(reading.result);
}

std::vector<std::string> host_git_config_paths(const sys::HostView& host, const std::string& home) {
  return {"/etc/gitconfig", host.variable("XDG_CONFIG_HOME").value_or(home + "/.config") + "/git/config",
          home + "/.gitconfig"};
}

std::string git_config_path(const std::string& path, const std::string& directory, const std::string& home) {
  if (path == "~" || path.starts_with("~/")) return base::normalize(home + path.substr(1));
  return base::normalize(base::path_join(directory, path));
}

bool gitdir_condition_holds(const std::string& condition, const std::string& file, const std::string& git_dir,
                            const std::string& home) {
  const auto colon = condition.find(':');
  const std::string keyword = condition.substr(0, colon);
  if (colon == std::string::npos || (keyword != "gitdir" && keyword != "gitdir/i")) return false;
  std::string pattern = condition.substr(colon + 1);
  if (pattern.starts_with("~/")) {
    pattern = home + pattern.substr(1);
  } else if (pattern.starts_with("./")) {
    pattern = base::parent_of(file) + pattern.substr(1);
  } else if (!pattern.starts_with('/')) {
    pattern = "**/" + pattern;
  }
  if (pattern.ends_with('/')) pattern += "**";
  if (pattern.starts_with('/')) pattern.erase(0, 1);
  return matches(base::split(pattern, '/'), base::split(base::relative_to(git_dir, "/"), '/'),
                 FNM_NOESCAPE | (keyword == "gitdir/i" ? FNM_CASEFOLD : 0));
}

}  // namespace claudebox::plan
