// What lies where in the state directory, who may own it, and how a new instance comes to be.
#pragma once

#include <optional>
#include <string>

#include "instance/manifest.h"
#include "plan/plan.h"
#include "sys/fs.h"

namespace claudebox::instance {

// ~/.claudebox/instances/        0700
//   ID/                          0700; never seen by a box, but for home
//     instance.json              whose it is (manifest.h)
//     lock                       held for milliseconds by who starts, prepares or removes; its time is the
//     last use holders/PID.RANDOM         a record for each live box, locked by its supervisor for as long as
//     it lives approved                   the plan that the user approved last home/                      the
//     box's home; the box may have written anything here
//     sessions/ID.jsonl          the record of a session (session_log.h), locked by its supervisor
//   .new-ID.RANDOM/              an instance being made
//   .trash-ID.RANDOM/            an instance being removed
inline constexpr const char* kManifest = "instance.json";
inline constexpr const char* kLock = "lock";
inline constexpr const char* kHolders = "holders";
inline constexpr const char* kApproved = "approved";
inline constexpr const char* kHome = "home";
inline constexpr const char* kNew = ".new-";
inline constexpr const char* kTrash = ".trash-";

/// ~/.claudebox, which the plan names by its instance's directory.
std::string state_root_of(const plan::Plan& plan);

/// STATE_ROOT/instances, checked; empty where there is none. Throws.
std::optional<sys::Directory> open_instances(const std::string& state_root, uid_t uid);

/// The instance's directory and its parent, both checked.
struct Place {
  sys::Directory instances;
  sys::Directory directory;
};
/// Opens the plan's instance, which is made where it is missing. Throws.
Place open_or_make(const plan::Plan& plan);

/// Whether `directory` still has the name `id` in `instances`: not so when it was removed since it was
/// opened.
bool is_still_named(const sys::Directory& instances, const std::string& id, const sys::Directory& directory);

/// The manifest, or why there is none that can be used.
std::variant<Manifest, Unusable> read_manifest(const sys::Directory& directory);

/// Throws where `directory` is not `uid`'s own or others may write in it.
void check_owner(const sys::Directory& directory, uid_t uid);
/// The same, and takes away what others may read.
void check_private(const sys::Directory& directory, uid_t uid);

/// Where the file system that holds `path` is mounted; "/" where that can't be told.
std::string mount_point_of(const std::string& path);
/// Whether something is mounted at `path` itself.
bool is_mount_point(const std::string& path);

}  // namespace claudebox::instance
