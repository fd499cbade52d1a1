// Theory of operation
//
// A live box is a locked record. Its supervisor writes holders/PID.RANDOM under a temporary name, locks it
// with flock(2) and only then gives it its name, so a record that can be seen is whole and locked; when the
// supervisor ends, however it ends, the kernel drops the lock. Whoever wants to know tries a shared lock on
// each record without waiting: refused means live, granted means that its holder was killed. Those who ask
// use shared locks, so they never disturb each other, and a holder never waits for them: at the time that it
// locks, its record has no name that anybody looks at.
//
// Why not pids: they are reused, and mean nothing in another container that shares the home directory. Why
// not one lock on one file: it can't say who holds it, and with boxes that share (--force) it can't say how
// many there are.
//
// Taking, preparing and removing happen under a second lock, the mutex: of two starters exactly one finds no
// live record. Removal renames the directory away under the same mutex; a starter that waited meanwhile sees
// that its directory lost its name, and begins anew.
//
// Locks belong to open files and survive fork(2). Every descriptor here is close-on-exec, and the children that
// claudebox makes execute something soon, or die with it. One that dies keeps the lock for some milliseconds
// longer than its supervisor: whoever meets a lock of a process that has ended waits for it.
#include "instance/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "instance/layout.h"
#include "instance/manifest.h"
#include "sys/try_for.h"

namespace claudebox::instance {
namespace {

constexpr std::chrono::milliseconds kMutexLimit{5000};
constexpr std::chrono::milliseconds kEndLimit{1000};
constexpr std::chrono::milliseconds kPause{10};

/// Whether the lock was had. Throws where the file system knows no locks.
bool try_lock(int file, int operation, const std::string& path) {
  while (::flock(file, operation | LOCK_NB) < 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return false;
    base::throw_system_error(
        errno, "can't lock " + path,
        "locks need a file system that has them: set CLAUDEBOX_HOME to a local directory");
  }
  return true;
}

}  // namespace

std::optional<Mutex> Mutex::lock(const sys::Directory& instances, const std::string& id,
                                 const sys::Directory& directory) {
  sys::UniqueFd file = sys::try_open_beneath(directory.get(), kLock, O_RDWR);
  if (!file) {
    if (errno != ENOENT) sys::throw_file_error(errno, "open " + directory / kLock);
    // Not made without a look: in a directory that is being removed it would be in the way.
    if (!is_still_named(instances, id, directory)) return std::nullopt;
    file = sys::open_beneath(directory, kLock, O_RDWR | O_CREAT, 0600);
  }
  // Not a wait in the kernel: a stopped claudebox (Ctrl-Z in the wrong millisecond) would hang all others
  // silently.
  if (!sys::try_for(kMutexLimit, kPause, [&] { return try_lock(file.get(), LOCK_EX, directory / kLock); }))
    throw base::Error(
        "another claudebox is busy with " + directory.path + " and does not get on with it",
        "fuser -v " + base::shell_quote(directory / kLock) + " names it; it may be stopped (kill -CONT)");
  if (!is_still_named(instances, id, directory)) return std::nullopt;
  return Mutex(std::move(file));
}

LockedInstance lock_instance(const plan::Plan& plan) {
  while (true) {
    Place place = open_or_make(plan);
    if (auto mutex = Mutex::lock(place.instances, plan.instance.id, place.directory))
      return {std::move(place.directory), std::move(*mutex)};
  }
}

void Mutex::touch() const {
  if (::futimens(file_.get(), nullptr) < 0)
    base::throw_system_error(errno, "can't note the use of the instance");
}

Survey survey(const sys::Directory& instance) {
  Survey found;
  const sys::Directory holders{sys::try_open_beneath(instance.get(), kHolders, O_RDONLY | O_DIRECTORY),
                               instance / kHolders};
  if (!holders.descriptor && errno == ENOENT) return found;
  if (!holders.descriptor) sys::throw_file_error(errno, "read " + holders.path);
  for (const auto& name : sys::entry_names(holders)) {
    const sys::UniqueFd record = sys::try_open_beneath(holders.get(), name, O_RDONLY | O_NONBLOCK);
    if (!record && errno == ENOENT) continue;  // its box ended just now
    if (!record) sys::throw_file_error(errno, "read " + holders / name);
    if (try_lock(record.get(), LOCK_SH, holders / name)) {
      found.stale.push_back(name);
    } else if (!name.starts_with('.')) {  // else it is about to get its name
      found.live.push_back(parse_holder(sys::read_all(record.get())));
    }
  }
  return found;
}

Lease enter(const sys::Directory& instance, const Holder& self) {
  sys::Directory holders = sys::make_directories_beneath(instance, kHolders);
  const std::string name = std::to_string(self.pid) + "." + sys::random_name();
  const std::string unnamed = "." + name;
  sys::UniqueFd record = sys::open_beneath(holders, unnamed, O_RDWR | O_CREAT | O_EXCL, 0600);
  try_lock(record.get(), LOCK_EX, holders / name);
  const std::string text = format_holder(self);
  const ssize_t put = ::write(record.get(), text.data(), text.size());
  const int error = put < 0 ? errno : ENOSPC;
  if (put != static_cast<ssize_t>(text.size()) ||
      ::renameat(holders.get(), unnamed.c_str(), holders.get(), name.c_str()) < 0) {
    const int why = put == static_cast<ssize_t>(text.size()) ? errno : error;
    ::unlinkat(holders.get(), unnamed.c_str(), 0);
    sys::throw_file_error(why, "write " + holders / name);
  }
  return {std::move(record), std::move(holders.descriptor), name};
}

std::string describe(const Holder& holder) {
  const std::time_t since = holder.since;
  std::tm local{};
  char time[32] = "?";
  if (::localtime_r(&since, &local)) std::strftime(time, sizeof time, "%Y-%m-%d %H:%M", &local);
  std::string text = "pid " + std::to_string(holder.pid) + ", since " + time;
  if (!holder.directory.empty()) text += ", in " + holder.directory;
  if (!holder.command.empty()) text += ", running " + holder.command;
  return text;
}

Lease::Lease(sys::UniqueFd record, sys::UniqueFd holders, std::string name)
    : record_(std::move(record)), holders_(std::move(holders)), name_(std::move(name)) {}

Lease::~Lease() {
  if (record_) ::unlinkat(holders_.get(), name_.c_str(), 0);
}

namespace {

/// Where the holder's pid means nothing here (another container), this may be true of one that lives: it only
/// costs a wait.
bool has_ended(const Holder& holder) {
  return holder.pid > 0 && ::kill(holder.pid, 0) < 0 && errno == ESRCH;
}

std::variant<Lease, Busy> try_acquire(const plan::Plan& plan, const Holder& self) {
  const auto [directory, mutex] = lock_instance(plan);
  const auto manifest = read_manifest(directory);
  if (const auto* unusable = std::get_if<Unusable>(&manifest))
    throw base::Error("can't use the instance: " + directory / kManifest + ": " + unusable->why,
                      unusable->hint);
  const auto& whose = std::get<Manifest>(manifest);
  if (whose.id != plan.instance.id || whose.canonical_root != plan.project.canonical_root)
    throw base::Error("can't use the instance: " + directory / kManifest + " says that it belongs to " +
                          whose.canonical_root + ", not to " + plan.project.canonical_root,
                      "move the directory away to start afresh: it may be a copy of another one");
  const Survey found = survey(directory);
  if (!found.live.empty() && !plan.instance.share) return Busy{found.live};
  for (const auto& name : found.stale)
    ::unlinkat(directory.get(), (std::string(kHolders) + "/" + name).c_str(), 0);
  mutex.touch();
  return enter(directory, self);
}

}  // namespace

std::variant<Lease, Busy> acquire(const plan::Plan& plan, const Holder& self) {
  std::optional<std::variant<Lease, Busy>> taken;
  sys::try_for(kEndLimit, kPause, [&] {
    taken.emplace(try_acquire(plan, self));
    const auto* busy = std::get_if<Busy>(&*taken);
    return !busy || !std::ranges::all_of(busy->holders, has_ended);
  });
  return std::move(*taken);
}

}  // namespace claudebox::instance
