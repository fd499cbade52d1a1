// Looking at the file system as the box will see it, before there is a box.
#pragma once

#include <optional>
#include <string>

#include "plan/plan.h"
#include "sys/host_view.h"

namespace claudebox::plan {

/// A path in the box, symlinks followed as the kernel will follow them there.
struct BoxFile {
  std::string box_path{};   ///< without symlinks
  std::string host_path{};  ///< the file behind it; empty for a generated file or an empty directory
};

/// Answers from the plan's mounts (in order) and the host. Both must outlive it.
class BoxView {
 public:
  BoxView(const Plan& plan, const sys::HostView& host) : plan_(plan), host_(host) {}

  /// What `path` (absolute) is in the box; empty where nothing is there.
  std::optional<BoxFile> find(const std::string& path) const;

  /// A regular file that may be executed.
  bool is_program(const BoxFile& file) const;

  /// The mount that holds `path` (the deepest whose target contains it); null outside every mount.
  const Mount* mount_of(const std::string& path) const;

 private:
  std::optional<std::string> step(const std::string& box_path, bool& is_symlink, std::string& link) const;

  const Plan& plan_;
  const sys::HostView& host_;
};

}  // namespace claudebox::plan
