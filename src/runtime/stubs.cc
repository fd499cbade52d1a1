#include "runtime/stubs.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <chrono>
#include <map>

#include "base/error.h"
#include "base/path.h"
#include "sys/fs.h"
#include "sys/try_for.h"

namespace claudebox::runtime {
namespace {

constexpr std::chrono::milliseconds kOthersNeed{100};
constexpr std::chrono::milliseconds kPause{1};

sys::UniqueFd open_directory(const std::string& path) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  sys::UniqueFd directory(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
  if (!directory) base::throw_system_error(errno, "can't protect " + path);
  return directory;
}

std::string content_of(int directory, const std::string& name) {
  const sys::UniqueFd file(::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat st{};
  if (!file || ::fstat(file.get(), &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > 4096) return "\xff";
  return sys::read_all(file.get(), 4096);
}

bool is_directory(int directory, const std::string& name) {
  struct stat st{};
  return ::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

bool put(int file, const std::string& content) {
  const ssize_t put = ::write(file, content.data(), content.size());
  if (put >= 0 && put != static_cast<ssize_t>(content.size())) errno = ENOSPC;
  return put == static_cast<ssize_t>(content.size());
}

/// Whole or not at all: an empty commondir keeps git from working, and another box that saw one would take it for a
/// redirect. False where something has the name.
bool make_file(const plan::Stub& stub, int directory, const std::string& name) {
  const sys::UniqueFd unnamed(::openat(directory, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0644));
  if (unnamed) {
    const std::string link = "/proc/self/fd/" + std::to_string(unnamed.get());  // open(2), O_TMPFILE
    if (put(unnamed.get(), stub.content) &&
        ::linkat(AT_FDCWD, link.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0)
      return true;
    if (errno == EEXIST) return false;
    sys::throw_file_error(errno, "protect " + stub.path);
  }
  // Not every file system has files without a name.
  const sys::UniqueFd file(::openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file && errno == EEXIST) return false;
  if (file && put(file.get(), stub.content)) return true;
  const int error = errno;
  if (file) ::unlinkat(directory, name.c_str(), 0);
  sys::throw_file_error(error, "protect " + stub.path);
}

void make(const plan::Stub& stub, int directory) {
  const std::string name = base::base_name(stub.path);
  if (stub.kind == plan::Stub::Kind::directory) {
    if (::mkdirat(directory, name.c_str(), 0755) < 0 && !(errno == EEXIST && is_directory(directory, name)))
      sys::throw_file_error(errno, "protect " + stub.path);
    return;
  }
  if (make_file(stub, directory, name)) return;
  // Where it is not made whole, another box may be about to write it.
  if (!sys::try_for(kOthersNeed, kPause, [&] { return content_of(directory, name) == stub.content; }))
    throw base::Error("can't protect " + stub.path + ": another file with that name appeared while starting",
                      "look at it: it redirects git; remove it if it is not yours, and start again");
}

}  // namespace

// Delegating, so that the destructor takes away what was made when a later one fails.
Stubs::Stubs(const std::vector<plan::Stub>& stubs) : Stubs() {
  std::map<std::string, std::shared_ptr<sys::UniqueFd>> directories;
  for (const auto& stub : stubs) {
    auto& directory = directories[base::parent_of(stub.path)];
    if (!directory) {
      directory = std::make_shared<sys::UniqueFd>(open_directory(base::parent_of(stub.path)));
      // Another box may be taking its stubs away, which must not be ours. Not waited for long: the command of a box
      // can hold this lock, too, and not every file system has locks. Without it the stubs just stay behind.
      sys::try_for(kOthersNeed, kPause,
                   [&] { return ::flock(directory->get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK; });
    }
    make(stub, directory->get());
    made_.push_back({stub, directory});
  }
}

Stubs::~Stubs() {
  for (auto made = made_.rbegin(); made != made_.rend(); ++made) remove(*made);
}

void Stubs::remove(const Made& made) noexcept {
  const int directory = made.directory->get();
  const std::string name = base::base_name(made.stub.path);
  if (::flock(directory, LOCK_EX | LOCK_NB) < 0) return;  // another box still needs it
  if (made.stub.kind == plan::Stub::Kind::directory) {
    ::unlinkat(directory, name.c_str(), AT_REMOVEDIR);  // only while it is empty
  } else if (content_of(directory, name) == made.stub.content) {
    ::unlinkat(directory, name.c_str(), 0);
  }
}

}  // namespace claudebox::runtime
