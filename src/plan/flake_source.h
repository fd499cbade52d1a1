// The files of a local flake: what was approved of them, and whether they are still the same.
#pragma once

#include <string>
#include <vector>

#include "sys/host_view.h"

namespace claudebox::plan {

/// The names of files below a flake's root, and whether evaluation has said that it reads these and no other.
struct FlakeFiles {
  std::vector<std::string> names{};  ///< relative, sorted
  bool complete = false;
};

/// What can be said before the first evaluation: every file that a bounded look below `root` finds, but for git's own and
/// what build tools and package managers keep, and flake.nix and flake.lock of `directory` in any case.
FlakeFiles flake_files(const sys::HostView& host, const std::string& root, const std::string& directory);

/// The text that an approval holds: the name and the digest of each file as it is now, and the lines of those that Nix reads
/// as programs. Two texts are equal where nothing changed.
std::string flake_text(const sys::HostView& host, const std::string& root, const FlakeFiles& files);

/// Such a text to be shown: Nix's files with the beginning of their digests and their lines, and how many others there are.
std::string for_people(const std::string& text);

/// The digest of one file; a word where there is none to be had.
std::string file_digest(const sys::HostView& host, const std::string& path);

/// The files that such a text names.
FlakeFiles files_of(const std::string& text);

/// The names whose lines differ between two texts.
std::vector<std::string> changed_files(const std::string& before, const std::string& now);

/// A digest of all names, kinds, sizes and times below a directory of the flake that goes into the store as a whole. Where
/// there is more than can be looked at in some milliseconds, git's index and HEAD stand for it.
std::string tree_digest(const sys::HostView& host, const std::string& root, const std::string& below);

}  // namespace claudebox::plan
