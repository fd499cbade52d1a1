#include "instance/layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"

namespace claudebox::instance {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY;

std::string octal(mode_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
  return text;
}

sys::Directory make_instances(const std::string& state_root, uid_t uid) {
  if (auto there = open_instances(state_root, uid)) return std::move(*there);
  sys::make_directories_beneath(sys::open_directory("/"), base::relative_to(state_root, "/") + "/instances");
  auto made = open_instances(state_root, uid);
  if (!made) throw base::Error("can't use " + state_root + ": it was removed while starting", "start again");
  return std::move(*made);
}

/// Removes a half-made instance unless it got its name.
class Unfinished {
 public:
  Unfinished(const sys::Directory& instances, std::string name)
      : instances_(instances), name_(std::move(name)) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    if (finished_) return;
    try {
      sys::remove_tree(instances_, name_);
    } catch (const base::Error&) {  // NOLINT(bugprone-empty-catch): gc takes it later
    }
  }
  const std::string& name() const { return name_; }
  void finish() { finished_ = true; }

 private:
  const sys::Directory& instances_;
  std::string name_;
  bool finished_ = false;
};

void make_directory(const sys::Directory& parent, const std::string& name) {
  if (::mkdirat(parent.get(), name.c_str(), 0700) < 0)
    sys::throw_file_error(errno, "make the directory " + parent / name);
}

/// Built whole under another name and then renamed. Where somebody else was faster, theirs is taken.
void make_instance(const sys::Directory& instances, const plan::Plan& plan) {
  Unfinished made(instances, kNew + plan.instance.id + "." + sys::random_name());
  make_directory(instances, made.name());
  const sys::Directory directory = sys::open_directory_beneath(instances, made.name());
  make_directory(directory, kHome);
  make_directory(directory, kHolders);
  sys::open_beneath(directory, kLock, O_RDWR | O_CREAT | O_EXCL, 0600);
  sys::replace_file(directory, kManifest,
                    format_manifest({.id = plan.instance.id,
                                     .canonical_root = plan.project.canonical_root,
                                     .mount_point = mount_point_of(plan.project.canonical_root),
                                     .uid = plan.uid,
                                     .created = ::time(nullptr)}));
  // Onto a directory rename(2) works only while that is empty, so it never replaces an instance.
  if (::renameat(instances.get(), made.name().c_str(), instances.get(), plan.instance.id.c_str()) == 0) {
    made.finish();
  } else if (errno != ENOTEMPTY && errno != EEXIST) {
    sys::throw_file_error(errno, "make the instance " + instances / plan.instance.id);
  }
}

}  // namespace

std::string state_root_of(const plan::Plan& plan) {
  return base::parent_of(base::parent_of(plan.instance.directory));
}

std::optional<sys::Directory> open_instances(const std::string& state_root, uid_t uid) {
  const sys::UniqueFd slash(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const std::string below = base::relative_to(state_root, "/");
  const sys::Directory root{sys::try_open_beneath(slash.get(), below, kDirectoryFlags), state_root};
  if (!root.descriptor && errno == ENOENT) return std::nullopt;
  if (!root.descriptor) sys::throw_file_error(errno, "use the directory " + state_root);
  check_owner(root, uid);
  sys::Directory instances{sys::try_open_beneath(root.get(), "instances", kDirectoryFlags),
                           root / "instances"};
  if (!instances.descriptor && errno == ENOENT) return std::nullopt;
  if (!instances.descriptor) sys::throw_file_error(errno, "use the directory " + instances.path);
  check_private(instances, uid);
  return instances;
}

Place open_or_make(const plan::Plan& plan) {
  const std::string& id = plan.instance.id;
  sys::Directory instances = make_instances(state_root_of(plan), plan.uid);
  // More than once only where others remove it as fast as it is made.
  for (int attempt = 0; attempt < 100; ++attempt) {
    sys::Directory directory{sys::try_open_beneath(instances.get(), id, kDirectoryFlags), instances / id};
    if (directory.descriptor) {
      struct stat st{};
      // Without a manifest: an empty directory, perhaps from mkdir(1), goes away here and is made anew; one with
      // something in it is corrupt, which the caller finds out; one that is being removed has lost its name.
      if (::fstatat(directory.get(), kManifest, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
          (::unlinkat(instances.get(), id.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT)) {
        check_private(directory, plan.uid);
        return {std::move(instances), std::move(directory)};
      }
    } else if (errno != ENOENT) {
      sys::throw_file_error(errno, "use the instance " + directory.path);
    }
    make_instance(instances, plan);
  }
  throw base::Error("can't make the instance " + instances / id + ": it is removed again and again",
                    "see what else works in that directory");
}

bool is_still_named(const sys::Directory& instances, const std::string& id, const sys::Directory& directory) {
  struct stat named{};
  struct stat opened{};
  return ::fstatat(instances.get(), id.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         ::fstat(directory.get(), &opened) == 0 && named.st_dev == opened.st_dev &&
         named.st_ino == opened.st_ino;
}

std::variant<Manifest, Unusable> read_manifest(const sys::Directory& directory) {
  const auto content = sys::read_file_beneath(directory, kManifest, std::size_t{64} << 10U);
  if (const auto* text = std::get_if<std::string>(&content)) return parse_manifest(*text);
  Unusable unusable = std::get<Unusable>(parse_manifest(""));
  unusable.why = std::get<sys::NoFile>(content) == sys::NoFile::missing
                     ? "it is missing"
                     : "it is no regular file of this size";
  return unusable;
}

void check_owner(const sys::Directory& directory, uid_t uid) {
  struct stat st{};
  if (::fstat(directory.get(), &st) < 0) sys::throw_file_error(errno, "use the directory " + directory.path);
  if (st.st_uid != uid)
    throw base::Error(directory.path + " belongs to uid " + std::to_string(st.st_uid) + ", and you are uid " +
                          std::to_string(uid),
                      uid == 0 ? "run claudebox without sudo, or set CLAUDEBOX_HOME to a directory of root's"
                               : "take it over (sudo chown -R " + std::to_string(uid) + " " +
                                     base::shell_quote(directory.path) +
                                     "), or set CLAUDEBOX_HOME to a directory of your own");
  // What others could write they could swap between the check and the use: the agent's settings, a box's
  // home.
  if ((st.st_mode & 0022) != 0)
    throw base::Error(directory.path + " can be written by others (mode " + octal(st.st_mode) + ")",
                      "chmod go-rwx " + base::shell_quote(directory.path));
}

void check_private(const sys::Directory& directory, uid_t uid) {
  check_owner(directory, uid);
  struct stat st{};
  if (::fstat(directory.get(), &st) < 0) sys::throw_file_error(errno, "use the directory " + directory.path);
  if ((st.st_mode & 0077) != 0 && ::fchmod(directory.get(), 0700) < 0)
    sys::throw_file_error(errno, "keep others out of " + directory.path);
}

bool is_mount_point(const std::string& path) {
  struct statx st{};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_INO, &st) < 0)
    return false;
  if ((st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0)
    return (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  // Linux before 5.8: a bind mount of the same file system is missed.
  struct statx parent{};
  if (path == "/") return true;
  return ::statx(AT_FDCWD, base::parent_of(path).c_str(), AT_NO_AUTOMOUNT, STATX_INO, &parent) == 0 &&
         (st.stx_dev_major != parent.stx_dev_major || st.stx_dev_minor != parent.stx_dev_minor);
}

std::string mount_point_of(const std::string& path) {
  for (std::string at = path; at != "/"; at = base::parent_of(at))
    if (is_mount_point(at)) return at;
  return "/";
}

}  // namespace claudebox::instance
