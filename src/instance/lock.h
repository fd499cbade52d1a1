// Who has an instance, and who may change that right now.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "instance/registry.h"
#include "sys/fs.h"

namespace claudebox::instance {

/// Held for milliseconds by who takes, prepares or removes an instance; never while a box lives.
class Mutex {
 public:
  /// Waits a few seconds for others. Empty where `directory` is not the instance `id` any more: it was removed
  /// meanwhile. Throws.
  static std::optional<Mutex> lock(const sys::Directory& instances, const std::string& id,
                                   const sys::Directory& directory);
  /// Makes the time of the lock file, which is the last use of the instance, now.
  void touch() const;

 private:
  explicit Mutex(sys::UniqueFd file) : file_(std::move(file)) {}
  sys::UniqueFd file_;
};

/// The plan's instance, made where it is missing, with its mutex held. Throws.
struct LockedInstance {
  sys::Directory directory;
  Mutex mutex;
};
LockedInstance lock_instance(const plan::Plan& plan);

/// The records in an instance's `holders`, told apart by their locks.
struct Survey {
  std::vector<Holder> live{};
  std::vector<std::string> stale{};  ///< names; of boxes whose supervisor was killed
};
/// Needs no mutex and changes nothing. An instance without `holders` has none. Throws.
Survey survey(const sys::Directory& instance);

/// Enters a record for this process and gives the lease. Call with the mutex held. Throws.
Lease enter(const sys::Directory& instance, const Holder& self);

/// "pid 4711, since 2026-01-31 14:03, in /home/dev/app, running claude".
std::string describe(const Holder& holder);

}  // namespace claudebox::instance
