#include "plan/git_layout.h"

#include "base/path.h"
#include "plan/git_config.h"

namespace claudebox::plan {
namespace {

bool is_head(const sys::HostView& host, const std::string& path) {
  if (host.lstat(path).kind == sys::FileKind::symlink)
    return host.read_link(path).value_or("").starts_with("refs/");
  const auto text = host.read_head(path, 64);
  return text && (text->starts_with("ref:") ||
                  (text->size() >= 40 && text->find_first_not_of("0123456789abcdef") >= 40));
}

bool is_directory(const sys::HostView& host, const std::string& path) {
  return host.stat(path).kind == sys::FileKind::directory;
}

}  // namespace

bool is_git_directory(const sys::HostView& host, const std::string& path) {
  if (!is_head(host, path + "/HEAD")) return false;
  return host.lstat(path + "/commondir").kind == sys::FileKind::file ||
         (is_directory(host, path + "/objects") && is_directory(host, path + "/refs"));
}

std::optional<std::string> pointer_text(const sys::HostView& host, const std::string& file,
                                        std::string_view prefix) {
  const auto text = host.read_file(file, kLargestPointer);
  if (!text || !text->starts_with(prefix)) return std::nullopt;
  std::string target = text->substr(prefix.size());
  while (target.ends_with('\n') || target.ends_with('\r')) target.pop_back();
  if (target.empty() || target.find('\0') != std::string::npos) return std::nullopt;
  return target;
}

std::optional<std::string> follow_pointer(const sys::HostView& host, const std::string& file,
                                          std::string_view prefix) {
  const auto target = pointer_text(host, file, prefix);
  if (!target) return std::nullopt;
  return host.real_path(base::path_join(base::parent_of(file), *target));
}

std::string inert_commondir(const std::string& git_dir) {
  return "../" + base::base_name(git_dir) + "\n";
}

GitFormat read_git_format(const sys::HostView& host, const std::string& git_dir) {
  GitFormat format;
  const auto take = [&](const std::string& file) {
    const auto entries = parse_git_config(host.read_file(git_dir + file).value_or(""));
    if (auto tree = git_config_value(entries, "core", "worktree")) format.work_tree = std::move(tree);
    if (const auto bare = git_config_value(entries, "core", "bare")) format.bare = git_config_true(*bare);
    if (const auto on = git_config_value(entries, "extensions", "worktreeconfig"))
      format.worktree_config = git_config_true(*on);
  };
  take("/config");
  // With the extension on git reads both again after it has looked for a commondir, and then obeys them.
  format.ignored_with_commondir = !format.worktree_config && (format.work_tree || format.bare);
  if (format.worktree_config) take("/config.worktree");
  return format;
}

std::string canonical_root_of(const sys::HostView& host, const std::string& common_dir) {
  const auto format = read_git_format(host, common_dir);
  if (format.bare) return common_dir;
  if (format.work_tree)
    return host.real_path(base::path_join(common_dir, *format.work_tree)).value_or(common_dir);
  return base::base_name(common_dir) == ".git" ? base::parent_of(common_dir) : common_dir;
}

}  // namespace claudebox::plan
