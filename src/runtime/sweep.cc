#include "runtime/sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "sys/fd.h"

namespace claudebox::runtime {
namespace {

constexpr std::size_t kMaxNames = 1024;

std::string fingerprint_of(const struct stat& st) {
  return std::to_string(st.st_ino) + ":" + std::to_string(st.st_size) + ":" +
         std::to_string(st.st_ctim.tv_sec) + "." + std::to_string(st.st_ctim.tv_nsec);
}

/// Names and states of a directory's entries, one level deep: new hooks and tasks show, large trees cost
/// nothing.
std::string directory_fingerprint(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) return {};
  DIR* directory = ::fdopendir(descriptor);
  if (!directory) {
    ::close(descriptor);
    return {};
  }
  std::vector<std::string> entries;
  while (entries.size() < kMaxNames) {
    const dirent* entry = ::readdir(directory);
    if (!entry) break;
    const std::string name(entry->d_name);
    struct stat st{};
    if (name == "." || name == ".." || ::fstatat(descriptor, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0)
      continue;
    entries.push_back(name + "=" + (S_ISDIR(st.st_mode) ? "directory" : fingerprint_of(st)));
  }
  ::closedir(directory);
  std::sort(entries.begin(), entries.end());
  std::string out;
  for (const auto& entry : entries) (out += entry) += '\n';
  return out;
}

}  // namespace

Snapshot::Snapshot(const std::vector<plan::Sweep>& sweeps) : sweeps_(sweeps) {
  for (const auto& sweep : sweeps_) states_.push_back(look(sweep.path));
}

Snapshot::State Snapshot::look(const std::string& path) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) < 0) return {};
  return {true, S_ISDIR(st.st_mode) ? directory_fingerprint(path) : fingerprint_of(st)};
}

std::vector<report::Finding> Snapshot::compare() const {
  std::vector<report::Finding> findings;
  for (std::size_t i = 0; i < sweeps_.size(); ++i) {
    const State now = look(sweeps_[i].path);
    if (now == states_[i]) continue;
    const std::string what = !states_[i].exists ? "new" : !now.exists ? "gone" : "changed";
    findings.push_back({sweeps_[i].path, what + ": " + sweeps_[i].reason});
  }
  return findings;
}

}  // namespace claudebox::runtime
