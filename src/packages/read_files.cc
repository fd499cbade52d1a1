#include "packages/read_files.h"

#include <algorithm>

#include "base/path.h"

namespace claudebox::packages {

ReadFiles read_files(const std::vector<std::string>& opened, const std::string& own,
                     const sys::HostView& host, const std::string& copy) {
  ReadFiles out;
  // Inputs are called "source", too. The flake's own flake.nix is what nix opens first.
  const std::string first = "-source/" + (own.empty() ? "" : own + "/") + "flake.nix";
  const auto flake = std::find_if(opened.begin(), opened.end(), [&](const std::string& name) {
    return name.size() == 32 + first.size() && name.ends_with(first);
  });
  if (flake == opened.end()) return out;
  const std::string root = flake->substr(0, 32) + "-source";
  for (const auto& name : opened) {
    if (name != root && !name.starts_with(root + "/")) continue;
    const std::string below = name == root ? "" : name.substr(root.size() + 1);
    const auto kind = host.lstat(base::path_join(copy, below)).kind;
    (kind == sys::FileKind::directory ? out.trees : out.files).push_back(below);
  }
  // Nix looks for it, and says so only where there is one.
  const std::string lock = (own.empty() ? "" : own + "/") + std::string("flake.lock");
  if (std::find(out.files.begin(), out.files.end(), lock) == out.files.end()) out.files.push_back(lock);
  std::sort(out.files.begin(), out.files.end());
  std::sort(out.trees.begin(), out.trees.end());
  return out;
}

}  // namespace claudebox::packages
