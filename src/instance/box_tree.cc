#include "instance/box_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/text.h"

namespace claudebox::instance {
namespace {

constexpr mode_t kOwnerAll = 0700;
/// How often a name is looked at again. More than a few times only where a box that shares the instance plays
/// games.
constexpr int kAttempts = 20;

/// parent and name of "a/b/c"; the parent of "a" is ".".
std::pair<std::string, std::string> take_apart(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

bool has_owner_rights(int descriptor) {
  struct stat st{};
  return ::fstat(descriptor, &st) == 0 && (st.st_mode & kOwnerAll) == kOwnerAll;
}

}  // namespace

sys::Directory BoxTree::directory(const std::string& path) {
  // One call where all is well, which is nearly always. Not as root, who gets in everywhere; the box, which has no
  // capabilities, does not.
  sys::UniqueFd whole;
  if (::geteuid() != 0) whole = sys::try_open_beneath(instance_.get(), path, O_RDONLY | O_DIRECTORY);
  if (whole && has_owner_rights(whole.get())) return {std::move(whole), instance_ / path};
  sys::Directory at = sys::open_directory_beneath(instance_, ".");
  at.path = instance_.path;
  for (const auto& name : base::split(path, '/'))
    if (name != "." && !name.empty()) at = enter(at, name);
  return at;
}

sys::Directory BoxTree::enter(const sys::Directory& parent, const std::string& name) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    // O_PATH: a directory that its owner may not read opens as well.
    const sys::UniqueFd found = sys::try_open_beneath(parent.get(), name, O_PATH | O_DIRECTORY);
    if (found) {
      // By descriptor: chmod(2) by name would follow a link that is swapped in now.
      if (!has_owner_rights(found.get()) &&
          ::chmod(("/proc/self/fd/" + std::to_string(found.get())).c_str(), kOwnerAll) < 0)
        sys::throw_file_error(errno, "use the directory " + parent / name);
      sys::Directory opened{sys::try_open_beneath(found.get(), ".", O_RDONLY | O_DIRECTORY), parent / name};
      if (!opened.descriptor) sys::throw_file_error(errno, "use the directory " + opened.path);
      return opened;
    }
    if (errno == ELOOP || errno == ENOTDIR) {
      move_aside(parent, name);
    } else if (errno != ENOENT) {
      sys::throw_file_error(errno, "use the directory " + parent / name);
    }
    if (::mkdirat(parent.get(), name.c_str(), kOwnerAll) < 0 && errno != EEXIST)
      sys::throw_file_error(errno, "make the directory " + parent / name);
  }
  throw base::Error("can't use the directory " + parent / name + ": something replaces it all the time",
                    "end the other boxes of this project");
}

void BoxTree::file(const std::string& path) {
  const auto [above, name] = take_apart(path);
  const sys::Directory parent = directory(above);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    struct stat st{};
    if (::fstatat(parent.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
      if (S_ISREG(st.st_mode)) return;
      move_aside(parent, name);
    }
    const sys::UniqueFd made = sys::try_open_beneath(parent.get(), name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (made) return;
    if (errno != EEXIST && errno != ELOOP) sys::throw_file_error(errno, "make the file " + parent / name);
  }
  throw base::Error("can't make the file " + parent / name + ": something replaces it all the time",
                    "end the other boxes of this project");
}

void BoxTree::symlink(const std::string& path, const std::string& text) {
  const auto [above, name] = take_apart(path);
  const sys::Directory parent = directory(above);
  std::string there(text.size() + 1, '\0');
  const ssize_t length = ::readlinkat(parent.get(), name.c_str(), there.data(), there.size());
  if (length == static_cast<ssize_t>(text.size()) && there.compare(0, text.size(), text) == 0) return;
  if (length >= 0 || errno == EINVAL) move_aside(parent, name);
  if (::symlinkat(text.c_str(), parent.get(), name.c_str()) < 0)
    sys::throw_file_error(errno, "make the link " + parent / name);
}

std::variant<std::string, sys::NoFile> BoxTree::read(const std::string& path, std::size_t limit) {
  const auto [above, name] = take_apart(path);
  const sys::Directory parent = directory(above);
  // A file of ours without the right to read it.
  const sys::UniqueFd found = sys::try_open_beneath(parent.get(), name, O_PATH);
  struct stat st{};
  if (found && ::fstat(found.get(), &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0400) == 0)
    ::chmod(("/proc/self/fd/" + std::to_string(found.get())).c_str(), 0600);
  auto content = sys::read_file_beneath(parent, name, limit);
  if (content == std::variant<std::string, sys::NoFile>(sys::NoFile::not_regular)) {
    move_aside(parent, name);
    return sys::NoFile::missing;
  }
  return content;
}

void BoxTree::replace(const std::string& path, const std::string& content) {
  const auto [above, name] = take_apart(path);
  const sys::Directory parent = directory(above);
  struct stat st{};
  if (::fstatat(parent.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
    move_aside(parent, name);  // rename(2) would fail on a directory and lose a link without a word
  sys::replace_file(parent, name, content);
}

void BoxTree::set_aside_broken(const std::string& path, const std::string& why) {
  const auto [above, name] = take_apart(path);
  const sys::Directory parent = directory(above);
  const std::string broken = name.substr(0, 240) + ".broken";
  struct stat st{};
  if (::fstatat(parent.get(), broken.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
    move_aside(parent, broken);
  if (::renameat(parent.get(), name.c_str(), parent.get(), broken.c_str()) < 0 && errno != ENOENT)
    sys::throw_file_error(errno, "move " + parent / name + " aside");
  notes_.push_back(parent / name + " " + why + ": started afresh, the old one is " + broken);
}

void BoxTree::move_aside(const sys::Directory& parent, const std::string& name) {
  // Names of up to 255 bytes are possible. Numbers first, for people; a box may have taken those, too.
  for (int n = 1;; ++n) {
    const std::string aside =
        name.substr(0, 230) + ".moved-" + (n <= 100 ? std::to_string(n) : sys::random_name());
    if (::renameat2(parent.get(), name.c_str(), parent.get(), aside.c_str(), RENAME_NOREPLACE) == 0) {
      notes_.push_back(
          parent / name +
          " was in the way (a link or another kind of file, left by an earlier box): " + "moved to " + aside);
      return;
    }
    if (errno == ENOENT) return;
    if (errno != EEXIST) sys::throw_file_error(errno, "move " + parent / name + " aside");
  }
}

}  // namespace claudebox::instance
