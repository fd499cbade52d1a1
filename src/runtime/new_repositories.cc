#include "runtime/new_repositories.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <deque>

#include "base/path.h"

namespace claudebox::runtime {
namespace {

/// Milliseconds of processor time: the least, the most, and what part of the box's life.
constexpr double kLeast = 0.4, kMost = 500, kPart = 0.02;
/// From this life on it is said that a project was too large to be looked through.
constexpr double kLongLife = 5000;
/// A clock that differs by this much was set, and not just read at another tick.
constexpr double kSet = 100;
constexpr std::size_t kMaxHooks = 64;

double milliseconds(const timespec& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double now(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return milliseconds(time);
}

bool is_directory(int parent, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat st{};
  return ::fstatat(parent, entry.d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/// Opens without following a link, and hands every name to `visit` until that says false.
template <class Visit>
void each_entry(const std::string& directory, Visit visit) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) return;
  DIR* stream = ::fdopendir(descriptor);
  if (!stream) {
    ::close(descriptor);
    return;
  }
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name(entry->d_name);
    if (name != "." && name != ".." && !visit(descriptor, *entry)) break;
  }
  ::closedir(stream);
}

}  // namespace

NewRepositories::NewRepositories(const plan::Plan& plan)
    : root_(plan.project.root), look_(!plan.project.read_only) {
  for (const auto& mount : plan.mounts)
    if (mount.kind == plan::Mount::Kind::read_only && mount.purpose == plan::Purpose::protection)
      covered_.insert(mount.target);
  // The clock that times of change are taken from; the finer one is ahead of it.
  ::clock_gettime(CLOCK_REALTIME_COARSE, &start_);
  booted_ = now(CLOCK_BOOTTIME);
}

/// Where the wall clock was set back, what the box made from then on has times before the start. Looked for are those, too: the
/// start is moved back as far as the clock was.
void NewRepositories::follow_the_clock() {
  const double ahead = milliseconds(start_) + now(CLOCK_BOOTTIME) - booted_ - now(CLOCK_REALTIME_COARSE);
  if (ahead < kSet) return;
  const double start = milliseconds(start_) - ahead;
  start_.tv_sec = static_cast<time_t>(start / 1e3);
  start_.tv_nsec = 0;
}

NewRepositories::Entries NewRepositories::read(const std::string& directory) {
  Entries found;
  int bare = 0;
  each_entry(directory, [&](int descriptor, const dirent& entry) {
    const std::string name(entry.d_name);
    if (name == ".git") {
      found.git = true;
    } else {
      bare += name == "HEAD" || name == "objects" || name == "refs";
      if (is_directory(descriptor, entry)) found.directories.push_back(name);
    }
    return true;
  });
  found.bare = bare == 3;
  std::sort(found.directories.begin(), found.directories.end());
  return found;
}

bool NewRepositories::changed_since_start(const std::string& path) const {
  struct stat st{};
  if (::lstat(path.c_str(), &st) < 0) return false;
  return st.st_ctim.tv_sec > start_.tv_sec ||
         (st.st_ctim.tv_sec == start_.tv_sec && st.st_ctim.tv_nsec >= start_.tv_nsec);
}

bool NewRepositories::is_new(const std::string& git_dir) const {
  struct stat st{};
  if (::lstat(git_dir.c_str(), &st) < 0) return false;
  if (!S_ISDIR(st.st_mode)) return changed_since_start(git_dir);
  if (covered_.contains(git_dir) || covered_.contains(git_dir + "/config")) return false;
  for (const char* name : {"/config", "/config.worktree", "/commondir", "/hooks"})
    if (changed_since_start(git_dir + name)) return true;
  if (::lstat((git_dir + "/config").c_str(), &st) < 0) return changed_since_start(git_dir + "/HEAD");
  bool changed = false;
  std::size_t count = 0;
  each_entry(git_dir + "/hooks", [&](int, const dirent& entry) {
    changed = changed_since_start(git_dir + "/hooks/" + entry.d_name);
    return !changed && ++count < kMaxHooks;
  });
  return changed;
}

std::vector<report::Finding> NewRepositories::find() {
  std::vector<report::Finding> findings;
  if (!look_) return findings;
  follow_the_clock();
  const double life = now(CLOCK_BOOTTIME) - booted_;
  const double end = now(CLOCK_THREAD_CPUTIME_ID) + std::min(std::max(kLeast, life * kPart), kMost);
  struct stat root{};
  if (::lstat(root_.c_str(), &root) < 0) return findings;

  std::deque<std::string> directories = {root_};
  while (!directories.empty() && now(CLOCK_THREAD_CPUTIME_ID) < end) {
    const std::string directory = std::move(directories.front());
    directories.pop_front();
    const Entries entries = read(directory);
    // What the project's own .git says is the sweep's.
    if (entries.git && directory != root_ && is_new(directory + "/.git"))
      findings.push_back(
          {directory + "/.git",
           "new or changed: git runs what its configuration and hooks say when it is used there, or, "
           "once it is in the project's index, at `git status` in the project"});
    if (entries.bare && !entries.git && directory != root_) {
      if (is_new(directory))
        findings.push_back({directory,
                            "new or changed: git takes it for a bare repository and runs what its "
                            "configuration says when it is used there"});
      continue;
    }
    for (const auto& name : entries.directories) directories.push_back(base::path_join(directory, name));
  }
  if (!directories.empty() && life > kLongLife)
    findings.push_back(
        {root_, "too large to be looked through for new repositories: " + std::to_string(directories.size()) +
                    " directories and what is in them are left"});
  return findings;
}

}  // namespace claudebox::runtime
