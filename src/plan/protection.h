// The operations that keep a path in the project as it is, added to a plan. Internal to this folder.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "sys/host_view.h"

namespace claudebox::plan {

/// Adds pins, covers, stubs and watches, at most one mount a target.
///
/// A *cover* is a read-only bind of a path onto itself. A *pin* is a writable one: a mount point can't be renamed or
/// removed, so nobody can move a directory away and make it anew without what is covered in it.
///
/// A cover holds as long as the host keeps the file. When the host replaces or removes it, the kernel detaches the
/// mount in every other mount namespace (since Linux 3.18; d_invalidate and vfs_rename call detach_mounts). Measured
/// on 6.18 with bwrap 0.8: `mv config.lock config` on the host, as `git config` does it, and /proc/self/mountinfo in
/// the box has no such mount any more; the box could write the file, and did. Hence the watches.
class Protection {
 public:
  /// `source` names the protection in origins: "git protection".
  Protection(const sys::HostView& host, Plan& plan, std::string source);

  /// The writable part of the box that `path` lies in: the project, or a git directory beside it that was planned
  /// before this was made. Empty where it is in none.
  std::string area_of(const std::string& path) const;

  void pin(const std::string& directory);
  /// Every directory from below its area down to `directory` itself.
  void pin_way_to(const std::string& directory);
  void cover(const std::string& path, const std::string& reason);
  bool is_covered(const std::string& path) const;

  /// Covers a name inside a git directory and watches for its replacement by the host.
  void hold(const std::string& path, const std::string& reason);
  /// The same for a name that may be missing: then `content` is made there for the life of the box.
  void hold_stub(const std::string& path, Stub::Kind kind, const std::string& content,
                 const std::string& reason);
  /// For what can't be covered, a link: nothing but the watch.
  void watch_kept(const std::string& path, const std::string& reason);
  /// For a name that must not appear and can't have a stub.
  void forbid(const std::string& path, const std::string& reason);

  /// Covers what `path` (absolute, as written) leads to, where that is in the box's reach. What can't be covered is
  /// compared at the end: a path that does not exist, a link on the way. Returns whether it exists in an area.
  bool cover_named(const std::string& path, const std::string& reason);

  void sweep(const std::string& path, const std::string& reason);
  void note(Note::Level level, const std::string& text);

 private:
  base::Origin origin(const std::string& reason) const;
  void watch(const std::string& path, Watch::Response response, const std::string& reason);
  Mount* planned(const std::string& target);
  void add(Mount::Kind kind, const std::string& target, const std::string& reason);

  const sys::HostView& host_;
  Plan& plan_;
  std::string source_;
  std::vector<std::string> areas_;
  std::map<std::string, std::size_t> index_;  ///< target to mount, of those that matter here
};

}  // namespace claudebox::plan
