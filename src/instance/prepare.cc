// Theory of operation
//
// The box writes its home, and the next start writes there, too: settings, and the mount points of what is
// mounted into the home. Between the two the box may have left anything, and the attack is always the same: a
// link where claudebox, or bubblewrap on its behalf, expects a directory.
//
//   An earlier box:  rm -r ~/src; ln -s /oldroot/home/dev/.ssh ~/src
//   The next start:  bwrap makes the mount point ~/src/app. It resolves the path before pivot_root(2), while
//   the host's
//                    root is still there as /oldroot, and makes the directory in the user's real ~/.ssh.
//
// So claudebox makes each mount point itself before bwrap starts, beneath the instance and without following
// links (box_tree.h); bwrap then finds every component in place and makes nothing. That covers the mounts
// whose deepest enclosing mount is the home: what lies in another mount is not reached through what the box's
// home says. For those in a writable directory of the user's own (a project, --mount …:rw) nothing is made
// here, but a link on the way refuses the start: a box on that directory could have left it, and bwrap would
// follow it just so.
//
// A box that lives on the same home at this moment (--force) can still swap a directory between this and
// bwrap's look: whoever shares an instance trusts what runs in it.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/path.h"
#include "instance/box_tree.h"
#include "instance/json_merge.h"
#include "instance/layout.h"
#include "instance/lock.h"

namespace claudebox::instance {
namespace {

using plan::Mount;
using plan::StateFile;

/// The agent's state grows to megabytes over a year. A box that makes it larger than this starts afresh.
constexpr std::size_t kMaxState = std::size_t{64} << 20U;

/// The deepest mount that `mount` lies in; none for one in the box's own root.
const Mount* enclosing(const plan::Plan& plan, const Mount& mount) {
  const Mount* deepest = nullptr;
  for (const auto& other : plan.mounts)
    if (other.target != mount.target && base::is_within(mount.target, other.target) &&
        (!deepest || other.target.size() > deepest->target.size()))
      deepest = &other;
  return deepest;
}

bool source_is_directory(const Mount& mount) {
  struct stat st{};
  if (::lstat(mount.source.c_str(), &st) < 0) sys::throw_file_error(errno, "mount " + mount.source);
  return S_ISDIR(st.st_mode);
}

void make_mount_point(BoxTree& tree, const Mount& mount, const std::string& path) {
  switch (mount.kind) {
    case Mount::Kind::read_only:
    case Mount::Kind::writable:
      if (source_is_directory(mount)) {
        tree.directory(path);
      } else {
        tree.file(path);
      }
      return;
    case Mount::Kind::file:
      tree.file(path);
      return;
    case Mount::Kind::symlink:
      tree.symlink(path, mount.source);
      return;
    case Mount::Kind::tmpfs:
    case Mount::Kind::directory:
    case Mount::Kind::proc:
    case Mount::Kind::dev:
    case Mount::Kind::login:
    case Mount::Kind::store:
      tree.directory(path);
      return;
  }
}

/// `mount` lies in the writable bind `around`. bwrap makes what is missing there, which is fine below real
/// directories.
void refuse_link_on_the_way(const Mount& mount, const Mount& around) {
  const sys::Directory root = sys::open_directory(around.source);
  std::string path = base::relative_to(mount.target, around.target);
  while (true) {
    const sys::UniqueFd found = sys::try_open_beneath(root.get(), path, O_PATH);
    if (found) return;
    if (errno == ELOOP || errno == ENOTDIR)
      throw base::Error(
          "can't mount on " + mount.target + ": a symbolic link or a file is on the way in " + around.source,
          "a mount through a link could reach your host's files: remove it (" + root / path + ")");
    if (errno != ENOENT) sys::throw_file_error(errno, "mount on " + mount.target);
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return;
    path.resize(slash);
  }
}

void make_mount_points(BoxTree& tree, const plan::Plan& plan) {
  for (const auto& mount : plan.mounts) {
    const Mount* around = enclosing(plan, mount);
    if (!around || around->kind != Mount::Kind::writable) continue;
    if (around->target == plan.user_home && around->source == plan.instance.home) {
      make_mount_point(tree, mount,
                       std::string(kHome) + "/" + base::relative_to(mount.target, plan.user_home));
    } else if (base::is_within(around->source, plan.instance.home) == false) {
      refuse_link_on_the_way(mount, *around);
    }
  }
}

/// All layers of one JSON file at once: it is read and written once.
void merge_into(BoxTree& tree, const std::string& path, const std::vector<const StateFile*>& layers) {
  const auto content = tree.read(path, kMaxState);
  const auto* text = std::get_if<std::string>(&content);
  const bool too_large = !text && std::get<sys::NoFile>(content) == sys::NoFile::too_large;
  const Merged merged = merge_json(text ? std::optional(*text) : std::nullopt, layers);
  if (too_large) tree.set_aside_broken(path, "is larger than any real one");
  if (merged.broken) tree.set_aside_broken(path, "is not a JSON object any more");
  if (merged.changed) tree.replace(path, merged.text);
}

void replace(BoxTree& tree, const std::string& path, const std::string& content) {
  const auto there = tree.read(path, content.size());
  const auto* text = std::get_if<std::string>(&there);
  if (!text || *text != content) tree.replace(path, content);
}

bool is_json(const StateFile& file) {
  return file.policy == StateFile::Policy::json_defaults || file.policy == StateFile::Policy::json_override;
}

void write_state(BoxTree& tree, const plan::Plan& plan) {
  std::vector<std::string> done;
  for (const auto& file : plan.state) {
    if (!base::is_within(file.path, plan.instance.directory) || file.path == plan.instance.directory)
      throw base::Error("the plan names a state file outside of its instance: " + file.path,
                        "this is a mistake in claudebox: please report it");
    const std::string path = base::relative_to(file.path, plan.instance.directory);
    if (file.policy == StateFile::Policy::directory) {
      tree.directory(path);
    } else if (file.policy == StateFile::Policy::replace) {
      replace(tree, path, file.content);
    } else if (std::find(done.begin(), done.end(), path) == done.end()) {
      done.push_back(path);
      std::vector<const StateFile*> layers;
      for (const auto& other : plan.state)
        if (other.path == file.path && is_json(other)) layers.push_back(&other);
      merge_into(tree, path, layers);
    }
  }
}

}  // namespace

std::vector<std::string> prepare(const plan::Plan& plan) {
  auto [directory, mutex] = lock_instance(plan);  // two boxes that share an instance may start at once
  BoxTree tree(std::move(directory));
  tree.directory(kHome);
  write_state(tree, plan);
  make_mount_points(tree, plan);
  return tree.take_notes();
}

}  // namespace claudebox::instance
