// Removal of instances, and what they take on disk.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <set>

#include "base/error.h"
#include "instance/layout.h"
#include "instance/lock.h"

namespace claudebox::instance {
namespace {

/// Renames the instance to a name that nobody looks for; the mutex is let go with the return. Empty where somebody else
/// was faster. Throws where it is live.
std::optional<std::string> retire(const sys::Directory& instances, const std::string& id) {
  const sys::Directory directory{sys::try_open_beneath(instances.get(), id, O_RDONLY | O_DIRECTORY),
                                 instances / id};
  if (!directory.descriptor && errno == ENOENT) return std::nullopt;
  if (!directory.descriptor) sys::throw_file_error(errno, "remove instance " + directory.path);
  const auto mutex = Mutex::lock(instances, id, directory);
  if (!mutex) return std::nullopt;
  const auto live = survey(directory).live;
  if (!live.empty())
    throw base::Error(
        "can't remove instance " + id + ": a box is running on it (" + describe(live.front()) + ")",
        "end that box first");
  std::string name = kTrash + id + "." + sys::random_name();
  if (::renameat(instances.get(), id.c_str(), instances.get(), name.c_str()) < 0)
    sys::throw_file_error(errno, "remove instance " + directory.path);
  return name;
}

/// Adds up a tree by descriptors, one for each level.
class Usage {
 public:
  std::uint64_t of(const sys::Directory& directory) {
    struct stat st{};
    if (::fstat(directory.get(), &st) == 0) {
      device_ = st.st_dev;
      bytes_ += bytes_of(st);
    }
    add(directory, 0);
    return bytes_;
  }

 private:
  static constexpr int kMaxDepth = 100;
  static constexpr std::size_t kMaxEntries = 2'000'000;

  static std::uint64_t bytes_of(const struct stat& st) {
    return static_cast<std::uint64_t>(st.st_blocks) * 512;
  }

  void add(const sys::Directory& directory, int depth) {
    for (const auto& name : sys::entry_names(directory)) {
      struct stat st{};
      if (++entries_ > kMaxEntries) return;
      if (::fstatat(directory.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != device_)
        continue;
      if (!S_ISDIR(st.st_mode) && st.st_nlink > 1 && !linked_.insert(st.st_ino).second) continue;
      bytes_ += bytes_of(st);
      if (!S_ISDIR(st.st_mode) || depth == kMaxDepth) continue;
      const sys::Directory below{sys::try_open_beneath(directory.get(), name, O_RDONLY | O_DIRECTORY),
                                 directory / name};
      if (below.descriptor) add(below, depth + 1);
    }
  }

  dev_t device_ = 0;
  std::uint64_t bytes_ = 0;
  std::size_t entries_ = 0;
  std::set<ino_t> linked_{};  ///< files with several names count once
};

}  // namespace

std::uint64_t disk_usage(const Record& record) {
  return Usage().of(sys::open_directory(record.directory));
}

void remove(const std::string& state_root, const Record& record) {
  const auto instances = open_instances(state_root, ::geteuid());
  if (!instances) return;
  // A left-over has no name that a start would look for, so nobody can be using it.
  const bool left_over = record.id.starts_with('.');
  if (const auto name = left_over ? std::optional(record.id) : retire(*instances, record.id))
    sys::remove_tree(*instances, *name);
}

}  // namespace claudebox::instance
