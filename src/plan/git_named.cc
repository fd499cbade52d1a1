#include "plan/git_named.h"

#include <algorithm>

#include "base/path.h"
#include "base/text.h"

namespace claudebox::plan {
namespace {

/// Bounds on what is looked at: a repository may have been prepared to make planning slow.
constexpr std::size_t kMaxHooks = 128;
constexpr std::size_t kMaxWords = 128;

using sys::FileKind;

/// Whether a value may name a program. These name refs, patterns, URLs or paths that git only reads.
bool may_run(const GitConfigEntry& entry) {
  constexpr std::string_view kNever[] = {"branch", "remote", "url", "include", "includeif", "user", "safe"};
  return std::find(std::begin(kNever), std::end(kNever), entry.section) == std::end(kNever);
}

void protect_hooks_path(const sys::HostView& host, const std::string& value, const std::string& work_tree,
                        const std::string& home, Protection& protection) {
  if (value.empty() || value.starts_with('%') || (value.starts_with('~') && !value.starts_with("~/"))) return;
  const std::string path = git_config_path(value, work_tree, home);
  if (protection.cover_named(path, "core.hooksPath: the host's git runs what is in it")) {
    protect_linked_hooks(host, path, protection);
  } else if (host.stat(path).kind == FileKind::directory) {
    protection.note(Note::Level::info, "core.hooksPath is " + path +
                                           ", which is not in the box: commits made there run no hooks");
  }
}

/// Programs of the project that git runs by itself: a file monitor, a filter, a diff or merge driver, an alias.
/// `python3 tools/clean.py` counts as well as `tools/clean`.
void protect_programs(const sys::HostView& host, const GitConfigEntry& entry, const std::string& work_tree,
                      std::size_t& words, Protection& protection) {
  for (auto word : base::split(entry.value, ' ')) {
    while (word.starts_with('!') || word.starts_with('"') || word.starts_with('\'')) word.erase(0, 1);
    while (word.ends_with('"') || word.ends_with('\'')) word.pop_back();
    if (word.find('/') == std::string::npos || ++words > kMaxWords) continue;
    const std::string path = base::normalize(base::path_join(work_tree, word));
    if (host.stat(path).kind == FileKind::file &&
        protection.cover_named(path, "git runs it: " + entry.section + "." + entry.key))
      protection.sweep(path, "git runs it: " + entry.section + "." + entry.key);
  }
}

}  // namespace

void protect_linked_hooks(const sys::HostView& host, const std::string& hooks, Protection& protection) {
  for (const auto& name : host.list_directory(hooks, kMaxHooks)) {
    const std::string path = base::path_join(hooks, name);
    if (host.lstat(path).kind != FileKind::symlink) continue;
    if (const auto real = host.real_path(path)) protection.cover_named(*real, "a hook leads to it");
  }
}

void protect_named(const sys::HostView& host, const GitConfigFiles& config, const std::string& work_tree,
                   const std::string& home, const NamedKinds& kinds, Protection& protection) {
  for (const auto& file : config.files) {
    if (!kinds.config || protection.is_covered(file.path)) continue;
    const std::string reason = "git takes its configuration from it";
    if (protection.cover_named(file.path, reason)) protection.sweep(file.path, reason);
  }
  std::size_t words = 0;
  for (const auto& entry : config.entries) {
    if (entry.section == "core" && entry.key == "hookspath") {
      if (kinds.hooks) protect_hooks_path(host, entry.value, work_tree, home, protection);
    } else if (kinds.config && may_run(entry)) {
      protect_programs(host, entry, work_tree, words, protection);
    }
  }
}

}  // namespace claudebox::plan
