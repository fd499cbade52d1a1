#include "sys/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/text.h"

namespace claudebox::sys {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

const char* hint_for(int error) {
  switch (error) {
    case ENOSPC:
      return "no space left on its file system: make room (df -h shows how much), then try again";
    case EDQUOT:
      return "your disk quota is used up: make room (quota -s shows how much), then try again";
    case EFBIG:
      return "a limit on the size of files is in force: ulimit -f shows it";
    case EROFS:
      return "its file system is read-only; CLAUDEBOX_HOME can name a directory on another one";
    case EACCES:
    case EPERM:
      return "check who owns it and what its mode is: ls -ld";
    case ELOOP:
      return "a symbolic link is in the way, and claudebox does not follow links there: look at it, then "
             "remove it";
    case ENOSYS:
      return "claudebox needs openat2(2): Linux 5.6 or later, and a container runtime that lets it through";
    case EIO:
      return "the disk reports an error: dmesg may say more";
    default:
      return "";
  }
}

/// `resolve` as in openat2(2).
UniqueFd open_resolved(int root, const std::string& path, int flags, mode_t mode,
                       std::uint64_t resolve) noexcept {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;  // the kernel refuses a mode that means nothing
  how.resolve = resolve | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  while (true) {
    const auto descriptor = static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how));
    // EAGAIN: a rename somewhere else while the kernel was looking (openat2(2)).
    if (descriptor < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    return UniqueFd(descriptor);
  }
}

void write_durably(int descriptor, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t put = ::write(descriptor, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw_file_error(errno, "write " + path);
    content.remove_prefix(static_cast<std::size_t>(put));
  }
  // Before the rename: else a crash of the machine may leave the new name with none of the content. The
  // directory itself is not synced: whether the old or the new state comes back is all the same.
  if (::fsync(descriptor) < 0) throw_file_error(errno, "write " + path);
}

/// Unlinks a temporary file unless it got its final name.
class TemporaryName {
 public:
  TemporaryName(int directory, std::string name) : directory_(directory), name_(std::move(name)) {}
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;
  ~TemporaryName() {
    if (!kept_) ::unlinkat(directory_, name_.c_str(), 0);
  }
  void keep() { kept_ = true; }

 private:
  int directory_;
  std::string name_;
  bool kept_ = false;
};

}  // namespace

std::string Directory::operator/(std::string_view name) const {
  return path.ends_with('/') ? path + std::string(name) : path + "/" + std::string(name);
}

void throw_file_error(int error, const std::string& what) {
  base::throw_system_error(error, "can't " + what, hint_for(error));
}

UniqueFd try_open_beneath(int root, const std::string& path, int flags, mode_t mode) noexcept {
  return open_resolved(root, path, flags, mode, RESOLVE_BENEATH);
}

UniqueFd open_beneath(const Directory& root, const std::string& path, int flags, mode_t mode) {
  UniqueFd file = try_open_beneath(root.get(), path, flags, mode);
  if (!file) throw_file_error(errno, "open " + root / path);
  return file;
}

Directory open_directory(const std::string& path) {
  UniqueFd directory = open_resolved(AT_FDCWD, path, kDirectoryFlags, 0, 0);
  if (!directory) throw_file_error(errno, "open " + path);
  return {std::move(directory), path};
}

Directory open_directory_beneath(const Directory& root, const std::string& path) {
  return {open_beneath(root, path, kDirectoryFlags), root / path};
}

Directory make_directories_beneath(const Directory& root, const std::string& path, mode_t mode) {
  Directory at{open_beneath(root, ".", kDirectoryFlags), root.path};
  for (const auto& name : base::split(path, '/')) {
    if (name.empty() || name == ".") continue;
    UniqueFd next = try_open_beneath(at.get(), name, kDirectoryFlags);
    if (!next && errno == ENOENT) {
      if (::mkdirat(at.get(), name.c_str(), mode) < 0 && errno != EEXIST)
        throw_file_error(errno, "make the directory " + at / name);
      next = try_open_beneath(at.get(), name, kDirectoryFlags);
    }
    if (!next) throw_file_error(errno, "use the directory " + at / name);
    at = {std::move(next), at / name};
  }
  return at;
}

void replace_file(const Directory& directory, const std::string& name, std::string_view content,
                  mode_t mode) {
  const std::string path = directory / name;
  while (true) {
    // NAME_MAX is 255 bytes, and `name` may be that long.
    const std::string temporary = "." + name.substr(0, 200) + ".new-" + random_name();
    const UniqueFd file = try_open_beneath(directory.get(), temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (!file && errno == EEXIST) continue;
    if (!file) throw_file_error(errno, "write " + path);
    TemporaryName guard(directory.get(), temporary);
    if (::fchmod(file.get(), mode) < 0) throw_file_error(errno, "write " + path);
    write_durably(file.get(), content, path);
    if (::renameat(directory.get(), temporary.c_str(), directory.get(), name.c_str()) < 0)
      throw_file_error(errno, "write " + path);
    guard.keep();
    return;
  }
}

std::variant<std::string, NoFile> read_file_beneath(const Directory& root, const std::string& path,
                                                    std::size_t limit) {
  // O_NONBLOCK: a FIFO opens at once. O_NOCTTY: a terminal does not become ours.
  const UniqueFd file = try_open_beneath(root.get(), path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) {
    if (errno == ENOENT) return NoFile::missing;
    if (errno == ELOOP || errno == ENOTDIR || errno == ENXIO || errno == ENODEV) return NoFile::not_regular;
    throw_file_error(errno, "read " + root / path);
  }
  struct stat st{};
  if (::fstat(file.get(), &st) < 0) throw_file_error(errno, "read " + root / path);
  if (!S_ISREG(st.st_mode)) return NoFile::not_regular;
  if (static_cast<std::uint64_t>(st.st_size) > limit) return NoFile::too_large;
  std::string content;
  std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_file_error(errno, "read " + root / path);
    if (got == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(got));
    if (content.size() > limit) return NoFile::too_large;  // it grows while we read
  }
}

std::vector<std::string> entry_names(const Directory& directory) {
  // Another descriptor: the stream owns its own, and reading moves the position.
  UniqueFd descriptor = open_beneath(directory, ".", kDirectoryFlags);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(descriptor.get()), ::closedir);
  if (!stream) throw_file_error(errno, "list " + directory.path);
  descriptor.release();
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) throw_file_error(errno, "list " + directory.path);
  return names;
}

std::string random_name() {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz234567";
  std::array<unsigned char, 8> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    base::throw_system_error(errno, "can't get random numbers");
  std::string name;
  for (const unsigned char byte : bytes) name += letters[byte % letters.size()];
  return name;
}

}  // namespace claudebox::sys
