// What instances there are, and which of them nobody needs any more.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "instance/layout.h"
#include "instance/lock.h"

namespace claudebox::instance {
namespace {

/// A creation takes milliseconds: what is as old as this was interrupted.
constexpr std::int64_t kUnfinishedAfter = 600;

bool is_directory(const std::string& path) {
  struct stat st{};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

/// A missing project is gone only where its file system is mounted: a disk that is not plugged in, or a
/// network share that is down, looks just like a project that was deleted. And only where "missing" is what
/// the kernel says: a directory on the way that may not be searched says nothing.
bool is_gone(const Manifest& manifest) {
  struct stat st{};
  if (::stat(manifest.canonical_root.c_str(), &st) == 0) return !S_ISDIR(st.st_mode);
  if (errno != ENOENT && errno != ENOTDIR) return false;
  return is_mount_point(manifest.mount_point.empty() ? "/" : manifest.mount_point);
}

/// What is known of an instance that can't be read: its problem.
void read_into(Record& record, const sys::Directory& directory) {
  check_private(directory, ::geteuid());
  record.live = !survey(directory).live.empty();
  struct stat st{};
  if (::fstatat(directory.get(), kLock, &st, AT_SYMLINK_NOFOLLOW) == 0) record.last_used = st.st_mtim.tv_sec;
  const auto content = read_manifest(directory);
  if (const auto* unusable = std::get_if<Unusable>(&content)) {
    record.problem = std::string(kManifest) + ": " + unusable->why;
    return;
  }
  const auto& manifest = std::get<Manifest>(content);
  record.canonical_root = manifest.canonical_root;
  record.created = manifest.created;
  record.project_exists = is_directory(manifest.canonical_root);
  record.project_gone = is_gone(manifest);
  if (manifest.id != record.id)
    record.problem = std::string(kManifest) + ": it belongs to instance " + manifest.id;
}

/// Empty where it was removed meanwhile. What is wrong with one goes into its record, so that a bad one does not hide
/// the others.
std::optional<Record> read_record(const sys::Directory& instances, const std::string& id) {
  Record record{.id = id, .directory = instances / id};
  try {
    const sys::Directory directory = sys::open_directory_beneath(instances, id);
    read_into(record, directory);
    if (!record.problem.empty() && !is_still_named(instances, id, directory)) return std::nullopt;
  } catch (const base::Error& error) {
    struct stat st{};
    if (::fstatat(instances.get(), id.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) return std::nullopt;
    record.problem = error.message();
  }
  return record;
}

std::vector<std::string> names_of(const sys::Directory& instances) {
  auto names = sys::entry_names(instances);
  std::sort(names.begin(), names.end());
  return names;
}

bool is_left_over(const sys::Directory& instances, const std::string& name) {
  if (name.starts_with(kTrash)) return true;
  struct stat st{};
  return name.starts_with(kNew) && ::fstatat(instances.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
         st.st_mtim.tv_sec + kUnfinishedAfter < ::time(nullptr);
}

[[noreturn]] void throw_unknown(const std::string& id, const std::vector<std::string>& names) {
  std::string hint = "claudebox instance list shows what there is";
  if (const auto near = base::nearest(id, names)) hint = "did you mean " + *near + "? " + hint;
  throw base::Error("no instance '" + id + "'", hint);
}

}  // namespace

std::vector<Record> list(const std::string& state_root) {
  std::vector<Record> records;
  const auto instances = open_instances(state_root, ::geteuid());
  if (!instances) return records;
  for (const auto& name : names_of(*instances))
    if (!name.starts_with('.'))
      if (auto record = read_record(*instances, name)) records.push_back(std::move(*record));
  return records;
}

Record find(const std::string& state_root, const std::string& id) {
  const auto instances = open_instances(state_root, ::geteuid());
  if (!instances) throw_unknown(id, {});
  std::vector<std::string> names = names_of(*instances);
  std::erase_if(names, [](const std::string& name) { return name.starts_with('.'); });
  std::vector<std::string> matches;
  if (std::binary_search(names.begin(), names.end(), id)) {
    matches = {id};  // a whole id is meant, also where others begin with it
  } else if (!id.empty()) {
    std::copy_if(names.begin(), names.end(), std::back_inserter(matches),
                 [&](const std::string& name) { return name.starts_with(id); });
  }
  if (matches.size() == 1)
    if (auto record = read_record(*instances, matches.front())) return std::move(*record);
  if (matches.size() <= 1) throw_unknown(id, names);
  if (matches.size() > 8) matches.resize(8);
  throw base::Error("more than one instance starts with '" + id + "'",
                    "give more of the id: " + base::join(matches, ", "));
}

std::vector<Holder> holders(const Record& record) {
  return survey(sys::open_directory(record.directory)).live;
}

std::vector<Record> collectable(const std::string& state_root) {
  std::vector<Record> records;
  const auto instances = open_instances(state_root, ::geteuid());
  if (!instances) return records;
  for (const auto& name : names_of(*instances)) {
    if (name.starts_with('.')) {
      if (is_left_over(*instances, name))
        records.push_back(
            {.id = name, .directory = *instances / name, .problem = "left over by an interruption"});
      continue;
    }
    auto record = read_record(*instances, name);
    if (record && record->project_gone && !record->live && record->problem.empty())
      records.push_back(std::move(*record));
  }
  return records;
}

}  // namespace claudebox::instance
