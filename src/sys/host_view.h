// The one door through which planning sees the host: read-only, and replaced by a fake one in tests.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace claudebox::sys {

enum class FileKind { missing, file, directory, symlink, socket, fifo, device, inaccessible };

/// What a path is. `missing` and `inaccessible` (a parent may not be searched) leave the rest zero.
struct FileInfo {
  FileKind kind = FileKind::missing;
  mode_t mode = 0;  ///< permission bits only
  uid_t uid = 0;
  dev_t device = 0;
  ino_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified = 0;  ///< nanoseconds since 1970

  bool exists() const { return kind != FileKind::missing && kind != FileKind::inaccessible; }
  bool operator==(const FileInfo&) const = default;
};

/// The user that claudebox runs as. `home` and `shell` come from HOME/SHELL, else from the user database.
struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string user;
  std::string group;
  std::string home;  ///< as the user spells it; may be a symlink
  std::string shell;
  std::optional<uid_t> sudo_uid;  ///< uid 0 by way of sudo: who called it

  bool operator==(const Identity&) const = default;
};

/// A file that was opened once: what it is and what is in it are of the same file, whatever happens to its name.
struct OpenedFile {
  FileInfo info{};         ///< kind symlink: the last component is one, and nothing was opened
  std::string content{};   ///< of a regular file
  bool too_large = false;  ///< there is more than was to be read
};

using Environment = std::map<std::string, std::string, std::less<>>;

/// Read-only facts. Every call is cheap (one or two system calls), never blocks on a FIFO, never writes. Throws where
/// descriptors or memory have run out: nothing is then no answer.
class HostView {
 public:
  virtual ~HostView() = default;

  /// Without following a final symlink.
  virtual FileInfo lstat(const std::string& path) const = 0;
  /// Following symlinks; a dangling one is `missing`.
  virtual FileInfo stat(const std::string& path) const = 0;
  /// All symlinks resolved; empty where something on the way is missing.
  virtual std::optional<std::string> real_path(const std::string& path) const = 0;
  virtual std::optional<std::string> read_link(const std::string& path) const = 0;
  /// The content of a regular file of at most `limit` bytes; empty for anything else.
  virtual std::optional<std::string> read_file(const std::string& path,
                                               std::size_t limit = 1U << 20) const = 0;
  /// Opens without following a final symlink, looks, and reads at most `limit` bytes from the same descriptor. Never asked
  /// of memory: a file may have changed since.
  virtual OpenedFile open_file(const std::string& path, std::size_t limit) const = 0;
  /// The first `length` bytes of a regular file of any size.
  virtual std::optional<std::string> read_head(const std::string& path, std::size_t length) const = 0;
  /// Names in a directory, sorted, without "." and ".."; at most `limit` of them.
  virtual std::vector<std::string> list_directory(const std::string& path,
                                                  std::size_t limit = 4096) const = 0;
  /// access(2) with the real ids.
  virtual bool readable(const std::string& path) const = 0;
  virtual bool writable(const std::string& path) const = 0;
  virtual bool executable(const std::string& path) const = 0;

  virtual const Identity& identity() const = 0;
  virtual const Environment& environment() const = 0;
  virtual const std::string& current_directory() const = 0;  ///< canonical; empty where it is gone
  virtual bool is_terminal(int descriptor) const = 0;
  virtual int landlock_abi() const = 0;  ///< 0 where the kernel has none or it is switched off

  virtual std::int64_t now() const = 0;  ///< milliseconds since 1970

  /// The value of a variable, where it is set and not empty.
  std::optional<std::string> variable(std::string_view name) const {
    const auto found = environment().find(name);
    if (found == environment().end() || found->second.empty()) return std::nullopt;
    return found->second;
  }
};

}  // namespace claudebox::sys
