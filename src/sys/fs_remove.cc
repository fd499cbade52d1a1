// Removal of a tree that somebody hostile may have made: deeper than there are descriptors, with links to
// elsewhere in it, with directories that may not be read.
//
// Nothing is descended into. Each directory that is not empty is moved up beside the root of the removal
// first, so that one descriptor at a time is enough and an interrupted removal goes on where it stopped.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include "sys/fs.h"

namespace claudebox::sys {
namespace {

/// A directory that is about to be emptied. RESOLVE_NO_XDEV: what is mounted there is not ours to remove.
UniqueFd open_to_empty(int parent, const std::string& name, int flags) noexcept {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_DIRECTORY | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, parent, name.c_str(), &how, sizeof how)));
}

/// Gives the owner of a directory its rights back, by descriptor: fchmodat(2) by name would follow a link.
void open_up(int parent, const std::string& name) noexcept {
  const UniqueFd directory = open_to_empty(parent, name, O_PATH);
  struct stat st{};
  if (!directory || ::fstat(directory.get(), &st) < 0 || (st.st_mode & 0700) == 0700) return;
  ::chmod(("/proc/self/fd/" + std::to_string(directory.get())).c_str(), (st.st_mode | 0700) & 07777);
}

class Removal {
 public:
  explicit Removal(Directory root) : root_(std::move(root)) {}

  /// Empties the root. The first failure is kept and told at the end.
  void run() {
    for (bool progress = true; progress;) {
      failure_.reset();  // what failed may have become removable; the last round tells
      const unsigned long moved_before = moved_;
      progress = false;
      for (const auto& name : entry_names(root_)) {
        if (remove_entry(root_.get(), name)) {
          progress = true;
        } else if (is_directory_error(errno)) {
          if (empty(name)) progress = true;
        } else {
          note(errno, root_ / name);
        }
      }
      progress = progress || moved_ != moved_before;
    }
    if (failure_) throw_file_error(failure_->error, "remove " + failure_->path);
  }

 private:
  struct Failure {
    int error;
    std::string path;
  };

  static bool is_directory_error(int error) { return error == ENOTEMPTY || error == EEXIST; }

  void note(int error, std::string path) {
    if (!failure_) failure_ = {error, std::move(path)};
  }

  /// A file or an empty directory. EISDIR is what Linux says to the unlink of a directory.
  static bool remove_entry(int parent, const std::string& name) {
    if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return true;
    if (errno != EISDIR) return false;
    return ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT;
  }

  /// Takes everything out of the directory `name` of the root, then removes it. Whether that worked.
  bool empty(const std::string& name) {
    open_up(root_.get(), name);
    const Directory directory{open_to_empty(root_.get(), name, O_RDONLY), root_ / name};
    if (!directory.descriptor) {
      note(errno, directory.path);
      return false;
    }
    for (const auto& entry : entry_names(directory)) {
      if (remove_entry(directory.get(), entry)) continue;
      if (is_directory_error(errno)) {
        move_up(directory, entry);
      } else {
        note(errno, directory / entry);
      }
    }
    return remove_entry(root_.get(), name);
  }

  void move_up(const Directory& from, const std::string& name) {
    open_up(from.get(), name);  // a directory that gets another parent must be writable itself
    while (true) {
      const std::string up = ".removing-" + std::to_string(++names_);
      if (::renameat2(from.get(), name.c_str(), root_.get(), up.c_str(), RENAME_NOREPLACE) == 0) {
        ++moved_;
        return;
      }
      if (errno == EEXIST) continue;
      note(errno, from / name);
      return;
    }
  }

  Directory root_;
  std::optional<Failure> failure_{};
  unsigned long names_ = 0;  ///< tried so far; the tree may have some of them
  unsigned long moved_ = 0;
};

}  // namespace

void remove_tree(const Directory& parent, const std::string& name) {
  if (::unlinkat(parent.get(), name.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR) throw_file_error(errno, "remove " + parent / name);
  open_up(parent.get(), name);
  UniqueFd root = open_to_empty(parent.get(), name, O_RDONLY);
  if (!root && errno == ENOENT) return;
  if (!root) throw_file_error(errno, "remove " + parent / name);
  Removal({std::move(root), parent / name}).run();
  if (::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT)
    throw_file_error(errno, "remove " + parent / name);
}

}  // namespace claudebox::sys
