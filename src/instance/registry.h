// Instances on disk: ~/.claudebox/instances/ID, one lock each. Effects live here; names are decided by the
// plan.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "plan/plan.h"
#include "sys/fd.h"

namespace claudebox::instance {

/// Who has a live box on an instance.
struct Holder {
  pid_t pid = 0;            ///< of its supervisor, on the host
  std::int64_t since = 0;   ///< seconds since 1970
  std::string directory{};  ///< where it was started
  std::string command{};    ///< what it runs, for people
  bool operator==(const Holder&) const = default;
};

/// Keeps an instance for one live box. Dies with its process (flock(2)), so that a kill -9 leaves nothing
/// held.
class Lease {
 public:
  /// `record` is the locked record of the holder, named `name` in the directory `holders`.
  Lease(sys::UniqueFd record, sys::UniqueFd holders, std::string name);
  Lease(Lease&&) noexcept = default;
  Lease& operator=(Lease&&) noexcept = delete;
  ~Lease();  ///< removes the holder's record, then lets the lock go

 private:
  sys::UniqueFd record_;
  sys::UniqueFd holders_;
  std::string name_;
};

/// Others hold the instance, and it was not to be shared.
struct Busy {
  std::vector<Holder> holders;
};

/// Makes the instance directory where it is missing (0700, atomically: a crash leaves none or a whole one)
/// and takes it. `plan.instance.share` goes on beside other live boxes. Throws on a corrupt or future-version
/// instance, a directory owned by somebody else or open to others, a full disk. Waits up to a second for a
/// holder that was killed and is not quite gone. Its cost does not depend on
/// how many instances there are.
std::variant<Lease, Busy> acquire(const plan::Plan& plan, const Holder& self);

/// Brings the state files of the plan up to date and makes the mount points in the instance's home, never
/// through a symbolic link that a box may have left there. Call with the lease held. Gives what the person
/// should know: state that a box had broken, links that were in the way; both are moved aside, not removed.
/// Throws.
std::vector<std::string> prepare(const plan::Plan& plan);

/// One instance as `instance list` shows it.
struct Record {
  std::string id{};
  std::string directory{};
  std::string canonical_root{};
  std::int64_t created = 0;
  std::int64_t last_used = 0;
  bool project_exists = false;
  /// The project is not there although the file system that it lay on is mounted. Not the opposite of
  /// project_exists: on a disk that is not plugged in it is neither.
  bool project_gone = false;
  bool live = false;
  std::string problem{};  ///< why it can't be read, else empty
  bool operator==(const Record&) const = default;
};

/// All of them, by id. `state_root` is ~/.claudebox. No instance at all is an empty list.
std::vector<Record> list(const std::string& state_root);
/// `id` may be a unique prefix. Throws with the near ones where there is none.
Record find(const std::string& state_root, const std::string& id);
/// Who has a live box on it; empty where nobody has.
std::vector<Holder> holders(const Record& record);
/// Bytes that the instance's files take on disk. Follows no link, leaves the file system never, and gives up
/// counting in a tree of millions of files.
std::uint64_t disk_usage(const Record& record);
/// Removes the instance; one that is gone already is success. Throws where it is live. First renamed, so that a crash
/// leaves no half of it in use.
void remove(const std::string& state_root, const Record& record);
/// What gc would take: instances whose project is gone (see project_gone), and left-overs of interrupted
/// removals and creations, which have a name that starts with a dot. Never a live one, never one with a
/// problem.
std::vector<Record> collectable(const std::string& state_root);

/// The plan that the user approved last for this instance, as stored by `store_approved`.
std::optional<std::string> approved_plan(const plan::Plan& plan);
/// Makes the instance directory where it is missing. Atomic. Throws.
void store_approved(const plan::Plan& plan, const std::string& text);

}  // namespace claudebox::instance
