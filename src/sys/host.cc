#include "sys/host.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <unordered_map>

#include "base/error.h"
#include "base/path.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/landlock.h"

namespace claudebox::sys {
namespace {

FileKind kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return FileKind::file;
    case S_IFDIR:
      return FileKind::directory;
    case S_IFLNK:
      return FileKind::symlink;
    case S_IFSOCK:
      return FileKind::socket;
    case S_IFIFO:
      return FileKind::fifo;
    default:
      return FileKind::device;
  }
}

FileInfo info_of(const struct stat& st) {
  return {.kind = kind_of(st.st_mode),
          .mode = st.st_mode & 07777,
          .uid = st.st_uid,
          .device = st.st_dev,
          .inode = st.st_ino,
          .size = static_cast<std::uint64_t>(st.st_size),
          .modified = st.st_mtim.tv_sec * std::int64_t{1'000'000'000} + st.st_mtim.tv_nsec};
}

/// Nothing is said of `path` where that can't be known because something has run out: a hook that can't be looked at for
/// want of a descriptor must not be taken for none.
void require_answer(int error, const std::string& path) {
  if (base::exhaustion_hint(error)) base::throw_system_error(error, "can't look at " + path);
}

FileInfo info_at(const std::string& path, int flags) {
  struct stat st{};
  if (::fstatat(AT_FDCWD, path.c_str(), &st, flags) == 0) return info_of(st);
  require_answer(errno, path);
  return {.kind = errno == EACCES ? FileKind::inaccessible : FileKind::missing};
}

Environment copy_environment() {
  Environment out;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

std::optional<uid_t> parse_uid(const char* text) {
  if (!text) return std::nullopt;
  uid_t uid = 0;
  const std::string_view digits(text);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), uid);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return uid;
}

/// The user database is asked only for what the environment does not say: a lookup may go to the network
/// (LDAP).
Identity read_identity() {
  Identity me{
      .uid = ::getuid(), .gid = ::getgid(), .user = {}, .group = {}, .home = {}, .shell = {}, .sudo_uid = {}};
  const char* home = std::getenv("HOME");
  if (home && home[0] == '/') me.home = home;
  if (const char* shell = std::getenv("SHELL"); shell && shell[0] == '/') me.shell = shell;
  errno = 0;
  const passwd* const entry = ::getpwuid(me.uid);
  if (!entry) require_answer(errno, "the user database");
  if (entry) {
    me.user = entry->pw_name;
    if (me.home.empty()) me.home = entry->pw_dir;
    if (me.shell.empty()) me.shell = entry->pw_shell;
  }
  errno = 0;
  const group* const own_group = ::getgrgid(me.gid);
  if (!own_group) require_answer(errno, "the group database");
  if (own_group) me.group = own_group->gr_name;
  if (me.user.empty()) me.user = "user" + std::to_string(me.uid);
  if (me.group.empty()) me.group = me.user;
  if (me.uid == 0) me.sudo_uid = parse_uid(std::getenv("SUDO_UID"));
  if (me.home.empty() || me.home[0] != '/')
    throw base::Error("no home directory: HOME is not set to an absolute path and the user database has none",
                      "set HOME to your home directory");
  return me;
}

/// Of a file whose size the kernel does not tell.
constexpr std::size_t kMaxUnsized = 256U << 10;

/// From the start of an open regular file, at most `length` bytes.
std::optional<std::string> read_open(int descriptor, const struct stat& st, std::size_t length) {
  // Files of /proc say that they are empty.
  const std::size_t expected = st.st_size > 0 ? static_cast<std::size_t>(st.st_size) + 1 : kMaxUnsized;
  std::string content(std::min(length, expected), '\0');
  std::size_t have = 0;
  while (have < content.size()) {
    const ssize_t got = ::read(descriptor, content.data() + have, content.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  content.resize(have);
  return content;
}

/// What was answered once is answered the same again: the passes of planning ask about the same paths, and a plan is
/// about one moment.
template <class Value>
class Memo {
 public:
  template <class Ask>
  const Value& get(const std::string& path, Ask ask) {
    const auto found = answers_.find(path);
    return found != answers_.end() ? found->second : answers_.emplace(path, ask()).first->second;
  }

 private:
  std::unordered_map<std::string, Value> answers_;
};

/// As many as the kernel follows, path_resolution(7).
constexpr int kMaxLinks = 40;

class Host : public HostView {
 public:
  Host() : identity_(read_identity()), environment_(copy_environment()) {
    char buffer[PATH_MAX];
    if (::getcwd(buffer, sizeof buffer) && buffer[0] == '/') current_directory_ = buffer;
  }

  FileInfo lstat(const std::string& path) const override {
    return lstats_.get(path, [&] { return info_at(path, AT_SYMLINK_NOFOLLOW); });
  }
  FileInfo stat(const std::string& path) const override {
    const auto real = real_path(path);
    return real ? lstat(*real) : stats_.get(path, [&] { return info_at(path, 0); });
  }
  std::optional<std::string> real_path(const std::string& path) const override { return resolve(path, 0); }

  std::optional<std::string> read_link(const std::string& path) const override {
    char buffer[PATH_MAX];
    const ssize_t length = ::readlink(path.c_str(), buffer, sizeof buffer);
    if (length < 0) require_answer(errno, path);
    if (length < 0 || static_cast<std::size_t>(length) == sizeof buffer) return std::nullopt;
    return std::string(buffer, static_cast<std::size_t>(length));
  }

  std::optional<std::string> read_file(const std::string& path, std::size_t limit) const override {
    auto content = read_head(path, limit + 1);
    if (content && content->size() > limit) return std::nullopt;
    return content;
  }

  std::optional<std::string> read_head(const std::string& path, std::size_t length) const override {
    // O_NONBLOCK: opening a FIFO must not wait for a writer.
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file) require_answer(errno, path);
    struct stat st{};
    if (!file || ::fstat(file.get(), &st) < 0 || !S_ISREG(st.st_mode)) return std::nullopt;
    return read_open(file.get(), st, length);
  }

  OpenedFile open_file(const std::string& path, std::size_t limit) const override {
    OpenedFile out{.info = info_at(path, AT_SYMLINK_NOFOLLOW)};
    // Opening a device may do something.
    if (out.info.kind != FileKind::file) return out;
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW));
    if (!file) require_answer(errno, path);
    struct stat st{};
    if (!file || ::fstat(file.get(), &st) < 0) {
      out.info = {.kind = errno == ENOENT ? FileKind::missing : FileKind::inaccessible};
      return out;
    }
    out.info = info_of(st);
    if (out.info.kind != FileKind::file) return out;
    auto content = read_open(file.get(), st, limit + 1);
    if (!content) {
      out.info = {.kind = FileKind::inaccessible};
      return out;
    }
    out.too_large = content->size() > limit;
    out.content = std::move(*content);
    return out;
  }

  std::vector<std::string> list_directory(const std::string& path, std::size_t limit) const override {
    std::vector<std::string> names;
    DIR* directory = ::opendir(path.c_str());
    if (!directory) {
      require_answer(errno, path);
      return names;
    }
    while (names.size() < limit) {
      const dirent* entry = ::readdir(directory);
      if (!entry) break;
      const std::string_view name(entry->d_name);
      if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(directory);
    std::sort(names.begin(), names.end());
    return names;
  }

  bool readable(const std::string& path) const override { return ::access(path.c_str(), R_OK) == 0; }
  bool writable(const std::string& path) const override { return ::access(path.c_str(), W_OK) == 0; }
  bool executable(const std::string& path) const override { return ::access(path.c_str(), X_OK) == 0; }
  const Identity& identity() const override { return identity_; }
  const Environment& environment() const override { return environment_; }
  const std::string& current_directory() const override { return current_directory_; }
  bool is_terminal(int descriptor) const override { return ::isatty(descriptor) == 1; }
  int landlock_abi() const override { return sys::landlock_abi(); }
  std::int64_t now() const override { return wall_clock(); }

 private:
  /// Component by component, since most paths share all but their last one with others: one call each, and the answer
  /// serves lstat and stat as well. realpath(3) would ask anew from the root every time.
  std::optional<std::string> resolve(const std::string& path, int links) const {
    if (path == "/") return path;
    if (path.empty() || path.front() != '/' || links > kMaxLinks) return std::nullopt;
    return real_paths_.get(path, [&] { return resolve_last(path, links); });
  }

  std::optional<std::string> resolve_last(const std::string& path, int links) const {
    const std::size_t slash = path.rfind('/');
    const std::string name = path.substr(slash + 1);
    auto parent = resolve(slash == 0 ? "/" : path.substr(0, slash), links);
    if (!parent || lstat(*parent).kind != FileKind::directory) return std::nullopt;
    if (name.empty() || name == ".") return parent;
    if (name == "..") return base::parent_of(*parent);
    std::string whole = base::path_join(*parent, name);
    const FileInfo info = lstat(whole);
    if (!info.exists()) return std::nullopt;
    if (info.kind != FileKind::symlink) return whole;
    const auto target = read_link(whole);
    if (!target || target->empty()) return std::nullopt;
    return resolve(target->front() == '/' ? *target : base::path_join(*parent, *target), links + 1);
  }

  Identity identity_;
  Environment environment_;
  std::string current_directory_;
  mutable Memo<FileInfo> stats_;
  mutable Memo<FileInfo> lstats_;
  mutable Memo<std::optional<std::string>> real_paths_;
};

}  // namespace

std::unique_ptr<HostView> this_host() {
  return std::make_unique<Host>();
}

}  // namespace claudebox::sys
