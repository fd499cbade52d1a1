// Theory of operation
//
// A file system in memory ("scaffold") has the directory `root`, which becomes the box's, and beside it what only the making
// needs. It is attached on "/" while it is made: no path leads there, and no path to a source is hidden by it. It is unbindable
// meanwhile, so that a source which holds "/" does not get it. At the end it moves to where bwrap looks for it.
//
// A target is looked up from the root and never leaves it (openat2(2), RESOLVE_IN_ROOT): a link in there that says
// /etc means the box's. In what the box may write no link is followed at all: the box of yesterday could have put it there
// to have a protection mounted elsewhere.
#include "runtime/box_root.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "runtime/box_dev.h"
#include "runtime/mount_tree.h"
#include "runtime/store_tree.h"

namespace claudebox::runtime {
namespace {

constexpr std::uint64_t kReadOnly = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr std::uint64_t kWritable = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
constexpr const char* kScaffoldPlace = "/dev";

sys::UniqueFd open_path(int directory, const char* path, std::uint64_t resolve) noexcept {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_MAGICLINKS | resolve;
  return sys::UniqueFd(static_cast<int>(::syscall(SYS_openat2, directory, path, &how, sizeof how)));
}

/// The place of one step in the root: the directory that holds it, and its name there.
class Place {
 public:
  Place(int root, const RootStep& step) noexcept
      : root_(root),
        target_(step.target),
        resolve_(step.links_in_target ? RESOLVE_IN_ROOT : RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS) {
    const char* slash = ::strrchr(target_, '/');
    name_ = slash ? slash + 1 : target_;
  }
  const char* name() const noexcept { return name_; }

  sys::UniqueFd open_or_make_directory(mode_t mode) const noexcept {
    return open_or_make([&](int parent) { return ::mkdirat(parent, name_, mode) == 0; });
  }
  sys::UniqueFd open_or_make_file() const noexcept {
    return open_or_make([&](int parent) { return ::mknodat(parent, name_, S_IFREG | 0444, 0) == 0; });
  }

  /// Makes what is missing of the way, as bwrap does.
  sys::UniqueFd open_parent() const noexcept {
    char path[PATH_MAX];
    const auto length = static_cast<std::size_t>(name_ - target_);
    if (length >= sizeof path) {
      errno = ENAMETOOLONG;
      return {};
    }
    ::memcpy(path, target_, length);
    if (length > 0) path[length - 1] = '\0';  // the slash
    if (length == 0) return open_path(root_, ".", resolve_);
    if (auto whole = open_path(root_, path, resolve_)) return whole;
    if (errno != ENOENT) return {};
    sys::UniqueFd at = open_path(root_, ".", resolve_);
    for (char* end = path; at && end;) {
      char* const begin = end;
      end = ::strchr(begin, '/');
      if (end) *end = '\0';
      auto next = open_path(root_, path, resolve_);
      if (!next && errno == ENOENT && ::mkdirat(at.get(), begin, 0755) == 0)
        next = open_path(root_, path, resolve_);
      at = std::move(next);
      if (end) *end++ = '/';
    }
    return at;
  }

 private:
  template <class Make>
  sys::UniqueFd open_or_make(Make make) const noexcept {
    auto there = open_path(root_, target_, resolve_);
    if (there || errno != ENOENT) return there;
    const auto parent = open_parent();
    return parent && make(parent.get()) ? open_path(root_, target_, resolve_) : sys::UniqueFd();
  }

  int root_;
  const char* target_;
  std::uint64_t resolve_;
  const char* name_ = nullptr;
};

bool write_file(int directory, const char* name, const RootStep& step, mode_t mode) noexcept {
  const sys::UniqueFd file(
      ::openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file) return false;
  for (std::size_t at = 0; at < step.length;) {
    const ssize_t written = ::write(file.get(), step.content + at, step.length - at);
    if (written < 0) return false;
    at += static_cast<std::size_t>(written);
  }
  return true;
}

class Scaffold {
 public:
  bool make() noexcept {
    constexpr std::array kOptions{FileSystemOption{"mode", "0755"}, FileSystemOption{}};
    mount_ = make_file_system("tmpfs", kOptions.data(), kWritable);
    const sys::UniqueFd place(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!mount_ || !place || !attach(mount_, place.get()) || !set_propagation(MS_UNBINDABLE)) return false;
    if (::mkdirat(mount_.get(), "root", 0755) < 0 || ::mkdirat(mount_.get(), "login", 0700) < 0) return false;
    root_ = sys::UniqueFd(::openat(mount_.get(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
    return static_cast<bool>(root_);
  }

  RootPart add(const RootStep& step, const BoxRootSpec& spec) noexcept {
    switch (step.kind) {
      case RootStep::Kind::read_only:
        return bind(step, kReadOnly);
      case RootStep::Kind::writable:
        return bind(step, kWritable);
      case RootStep::Kind::login: {
        const sys::UniqueFd place(::openat(mount_.get(), "login", O_PATH | O_DIRECTORY | O_CLOEXEC));
        const sys::UniqueFd tree = place ? set_up_login_memory(*spec.login, place.get()) : sys::UniqueFd();
        return tree ? attach_directory(step, tree) : RootPart::mount;
      }
      case RootStep::Kind::file_system:
        return file_system(step);
      case RootStep::Kind::data_file:
        return data_file(step);
      default:
        return plain(step, spec);
    }
  }

  /// The root itself becomes read-only; what is mounted in it keeps its own flags.
  bool finish() noexcept {
    const sys::UniqueFd place(::open(kScaffoldPlace, O_PATH | O_DIRECTORY | O_CLOEXEC));
    return place && set_propagation(MS_PRIVATE) && add_attributes(mount_.get(), MOUNT_ATTR_RDONLY, false) &&
           attach(mount_, place.get());
  }

 private:
  bool set_propagation(std::uint64_t propagation) const noexcept {
    mount_attr changed{};
    changed.propagation = propagation;
    return ::mount_setattr(mount_.get(), "", AT_EMPTY_PATH, &changed, sizeof changed) == 0;
  }

  RootPart attach_directory(const RootStep& step, const sys::UniqueFd& tree) const noexcept {
    const auto target = Place(root_.get(), step).open_or_make_directory(0755);
    if (!target) return RootPart::target;
    return attach(tree, target.get()) ? RootPart::done : RootPart::mount;
  }

  RootPart attach_file(const RootStep& step, const sys::UniqueFd& tree) const noexcept {
    const auto target = Place(root_.get(), step).open_or_make_file();
    if (!target) return RootPart::target;
    return attach(tree, target.get()) ? RootPart::done : RootPart::mount;
  }

  /// A link that was not in the source's path when the plan was made means that somebody swapped it in. /proc/self and
  /// the like are magic links; none is a source.
  RootPart bind(const RootStep& step, std::uint64_t attributes) const noexcept {
    const sys::UniqueFd source = open_path(AT_FDCWD, step.source, RESOLVE_NO_SYMLINKS);
    struct stat st{};
    if (!source || ::fstat(source.get(), &st) < 0) return RootPart::source;
    const sys::UniqueFd tree = clone_tree(source.get(), "", attributes);
    if (!tree) return RootPart::mount;
    return S_ISDIR(st.st_mode) ? attach_directory(step, tree) : attach_file(step, tree);
  }

  RootPart file_system(const RootStep& step) const noexcept {
    std::array<char, 8> mode{};
    std::size_t digit = 0;
    for (int shift = 9; shift >= 0; shift -= 3)
      mode.at(digit++) = static_cast<char>('0' + ((step.mode >> static_cast<unsigned>(shift)) & 7U));
    const std::array options{FileSystemOption{"mode", step.mode ? mode.data() : "0755"}, FileSystemOption{}};
    const sys::UniqueFd made = make_file_system("tmpfs", options.data(), kWritable);
    return made ? attach_directory(step, made) : RootPart::mount;
  }

  RootPart data_file(const RootStep& step) const noexcept {
    constexpr const char* kName = "file";
    if (!write_file(mount_.get(), kName, step, step.mode ? step.mode : 0600)) return RootPart::mount;
    const sys::UniqueFd file(::openat(mount_.get(), kName, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!file) return RootPart::mount;
    // Nothing can be cloned of an unbindable mount: it is bindable for this one.
    if (!set_propagation(MS_PRIVATE)) return RootPart::mount;
    const sys::UniqueFd tree = clone_tree(file.get(), "", kReadOnly);
    if (!tree || !set_propagation(MS_UNBINDABLE)) return RootPart::mount;
    if (const RootPart part = attach_file(step, tree); part != RootPart::done) return part;
    return ::unlinkat(mount_.get(), kName, 0) == 0 ? RootPart::done : RootPart::mount;
  }

  RootPart plain(const RootStep& step, const BoxRootSpec& spec) const noexcept {
    const Place place(root_.get(), step);
    const auto result = [](bool ok) { return ok ? RootPart::done : RootPart::mount; };
    if (step.kind == RootStep::Kind::link || step.kind == RootStep::Kind::file) {
      const auto parent = place.open_parent();
      if (!parent) return RootPart::target;
      if (step.kind == RootStep::Kind::link) return result(link(parent.get(), place.name(), step.source));
      return result(write_file(parent.get(), place.name(), step, step.mode ? step.mode : 0666));
    }
    const auto target = place.open_or_make_directory(step.mode ? step.mode : 0755);
    if (!target) return RootPart::target;
    if (step.kind == RootStep::Kind::dev) return result(set_up_box_dev(target.get(), spec.terminal));
    if (step.kind == RootStep::Kind::store)
      return result(set_up_store_tree(step.source, step.names, step.name_count, target.get()));
    return RootPart::done;
  }

  /// One that is there and says the same is fine.
  static bool link(int parent, const char* name, const char* text) noexcept {
    if (::symlinkat(text, parent, name) == 0) return true;
    if (errno != EEXIST) return false;
    char there[PATH_MAX];
    const ssize_t length = ::readlinkat(parent, name, there, sizeof there);
    const bool same = length >= 0 && static_cast<std::size_t>(length) == ::strlen(text) &&
                      ::memcmp(there, text, static_cast<std::size_t>(length)) == 0;
    if (!same) errno = EEXIST;
    return same;
  }

  sys::UniqueFd mount_;
  sys::UniqueFd root_;
};

}  // namespace

RootResult set_up_box_root(const BoxRootSpec& spec) noexcept {
  const mode_t mask = ::umask(0);
  Scaffold scaffold;
  if (!scaffold.make()) return {RootPart::root};
  for (std::size_t i = 0; i < spec.count; ++i)
    if (const RootPart part = scaffold.add(spec.steps[i], spec); part != RootPart::done)
      return {part, static_cast<std::uint32_t>(i)};
  if (!scaffold.finish()) return {RootPart::root};
  ::umask(mask);
  return {};
}

}  // namespace claudebox::runtime
