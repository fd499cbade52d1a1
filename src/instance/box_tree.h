// An instance's directory as claudebox itself writes into it while a box may have prepared every path below
// home.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sys/fs.h"

namespace claudebox::instance {

/// Paths are relative to the instance's directory ("home/.claude/settings.json"), normalized, not empty.
/// Every component is opened for itself beneath the one before, without following links. What is in the way
/// (a link, or a file where a directory is needed) is renamed to NAME.moved-N beside it and noted, never
/// followed, never deleted.
class BoxTree {
 public:
  explicit BoxTree(sys::Directory instance) : instance_(std::move(instance)) {}

  /// A real directory with all rights for its owner; made with its parents where it is missing.
  sys::Directory directory(const std::string& path);
  /// A regular file to mount something on; made empty, with its parents, where it is missing.
  void file(const std::string& path);
  /// A link with this text and no other.
  void symlink(const std::string& path, const std::string& text);

  /// The content of a regular file. Anything else than a file is moved aside and counts as missing.
  std::variant<std::string, sys::NoFile> read(const std::string& path, std::size_t limit);
  void replace(const std::string& path, const std::string& content);
  /// Renames to NAME.broken, over an older one, and says why.
  void set_aside_broken(const std::string& path, const std::string& why);

  /// What was moved aside, in sentences for the person.
  std::vector<std::string> take_notes() { return std::move(notes_); }

 private:
  sys::Directory enter(const sys::Directory& parent, const std::string& name);
  void move_aside(const sys::Directory& parent, const std::string& name);

  sys::Directory instance_;
  std::vector<std::string> notes_{};
};

}  // namespace claudebox::instance
