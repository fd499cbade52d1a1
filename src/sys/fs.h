// Files where somebody else may have prepared the paths: opens that stay beneath a directory and follow no
// link, replacements that are old or new and never half, removal of whole trees.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sys/fd.h"

namespace claudebox::sys {

/// An open directory, and what to call it in messages. Everything in it is reached through the descriptor, so
/// that a rename or a link along its path changes nothing for whoever holds it.
struct Directory {
  UniqueFd descriptor{};
  std::string path{};

  int get() const { return descriptor.get(); }
  /// The path of `name` in it, for messages.
  std::string operator/(std::string_view name) const;
};

/// Throws "can't WHAT: No space left on device (ENOSPC)" with a hint on what to do about it. `what` names the
/// path.
[[noreturn]] void throw_file_error(int error, const std::string& what);

/// Opens `path` beneath the directory `root` (openat2(2), Linux 5.6): neither "..", an absolute path nor a
/// symbolic link anywhere in it, the last component included, leads elsewhere. `mode` counts with O_CREAT
/// only. Close-on-exec. Empty where it fails, with errno: ELOOP for a link in the way, EXDEV for a way out.
UniqueFd try_open_beneath(int root, const std::string& path, int flags, mode_t mode = 0) noexcept;
/// The same; throws with the path.
UniqueFd open_beneath(const Directory& root, const std::string& path, int flags, mode_t mode = 0);

/// Opens the directory at an absolute path that has no symbolic link in it. Throws.
Directory open_directory(const std::string& path);
/// The same beneath `root`.
Directory open_directory_beneath(const Directory& root, const std::string& path);

/// Makes what is missing of the relative `path` beneath `root`, with `mode` (less the umask), and opens the
/// last directory. What exists keeps its mode. Throws where a component is a link or no directory.
Directory make_directories_beneath(const Directory& root, const std::string& path, mode_t mode = 0700);

/// Writes `content` to `name` (one component) in `directory`: a reader, a crash or a full disk meets the old
/// file or the new one. The new one has `mode` whatever the umask is. A link at `name` is replaced, never
/// followed; other hard links of the old file keep the old content. Throws, and leaves the old file then.
void replace_file(const Directory& directory, const std::string& name, std::string_view content,
                  mode_t mode = 0600);

/// Why there is no content to be had, where that is no failure.
enum class NoFile {
  missing,
  not_regular,  ///< a link (also on the way), a directory, a FIFO, a socket, a device
  too_large,
};
/// The content of a regular file of at most `limit` bytes beneath `root`. Never blocks on a FIFO. Throws
/// where a regular file can't be read.
std::variant<std::string, NoFile> read_file_beneath(const Directory& root, const std::string& path,
                                                    std::size_t limit);

/// The names in a directory, unsorted, without "." and "..". Throws.
std::vector<std::string> entry_names(const Directory& directory);

/// Removes `name` in `parent` with everything in it; nothing there is success. No link is followed and no
/// mount point crossed; directories of ours that were made unreadable are opened up first; any depth will do.
/// Removes what it can and then throws the first thing that it could not.
void remove_tree(const Directory& parent, const std::string& name);

/// Eight random letters and digits, for temporary names.
std::string random_name();

}  // namespace claudebox::sys
