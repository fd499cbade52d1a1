#include "plan/box_view.h"

#include <algorithm>
#include <deque>

#include "base/path.h"
#include "base/text.h"

namespace claudebox::plan {
namespace {

constexpr int kMaxSymlinks = 40;  // as the kernel, path_resolution(7)

/// Whether a mount of the kind store shows `path`, which it shows at the host's path.
bool has_of_store(const Mount& mount, const std::string& path) {
  if (mount.kind != Mount::Kind::store || path == mount.target) return false;
  const std::string below = base::relative_to(path, mount.target);
  return std::binary_search(mount.names.begin(), mount.names.end(), below.substr(0, below.find('/')));
}

}  // namespace

const Mount* BoxView::mount_of(const std::string& path) const {
  const Mount* deepest = nullptr;
  for (const auto& mount : plan_.mounts)
    if (base::is_within(path, mount.target) && (!deepest || mount.target.size() >= deepest->target.size()))
      deepest = &mount;
  return deepest;
}

/// One path whose parent holds no symlinks: the host path behind it (empty text where there is none but it
/// exists).
std::optional<std::string> BoxView::step(const std::string& box_path, bool& is_symlink,
                                         std::string& link) const {
  is_symlink = false;
  const Mount* mount = mount_of(box_path);
  if (mount && mount->kind == Mount::Kind::symlink && mount->target == box_path) {
    is_symlink = true;
    link = mount->source;
    return std::string();
  }
  if (mount && (mount->is_bind() || has_of_store(*mount, box_path))) {
    const std::string below = base::relative_to(box_path, mount->target);
    std::string on_host = below.empty() ? mount->source : base::path_join(mount->source, below);
    const auto info = host_.lstat(on_host);
    if (info.exists()) {
      is_symlink = info.kind == sys::FileKind::symlink;
      if (is_symlink) link = host_.read_link(on_host).value_or("");
      return on_host;
    }
  } else if (mount && mount->target == box_path) {
    return std::string();
  }
  // A directory that is only there because something is mounted below it.
  for (const auto& other : plan_.mounts)
    if (other.target != box_path && base::is_within(other.target, box_path)) return std::string();
  return std::nullopt;
}

std::optional<BoxFile> BoxView::find(const std::string& path) const {
  std::deque<std::string> todo;
  const auto push = [&](const std::string& text) {
    const auto parts = base::split(text, '/');
    todo.insert(todo.begin(), parts.begin(), parts.end());
  };
  push(path);
  BoxFile at{"/", ""};
  for (int links = 0; !todo.empty();) {
    const std::string name = todo.front();
    todo.pop_front();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      at.box_path = base::parent_of(at.box_path);
      continue;
    }
    const std::string next = base::path_join(at.box_path, name);
    bool is_symlink = false;
    std::string link;
    const auto on_host = step(next, is_symlink, link);
    if (!on_host || (is_symlink && (link.empty() || ++links > kMaxSymlinks))) return std::nullopt;
    if (is_symlink) {
      if (link.starts_with('/')) at = {"/", ""};
      push(link);
    } else {
      at = {next, *on_host};
    }
  }
  return at;
}

bool BoxView::is_program(const BoxFile& file) const {
  if (file.host_path.empty()) {
    const Mount* mount = mount_of(file.box_path);
    return mount && mount->kind == Mount::Kind::file && (mount->mode & 0111) != 0;
  }
  return host_.stat(file.host_path).kind == sys::FileKind::file && host_.executable(file.host_path);
}

}  // namespace claudebox::plan
