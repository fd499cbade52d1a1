#include "plan/bwrap_args.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "base/path.h"

namespace claudebox::plan {
namespace {

void add_mode(std::vector<Word>& words, mode_t mode) {
  if (mode == 0) return;
  char octal[16];
  std::snprintf(octal, sizeof octal, "%04o", static_cast<unsigned>(mode));
  words.insert(words.end(), {std::string("--perms"), std::string(octal)});
}

/// Whether `target` lies in the box's own root and not in something mounted there. Only there may --file
/// write: below a bind it would write into the host's directory.
bool in_own_root(const Plan& plan, const std::string& target) {
  return std::none_of(plan.mounts.begin(), plan.mounts.end(), [&](const Mount& other) {
    return other.target != target && other.kind != Mount::Kind::directory &&
           base::is_within(target, other.target);
  });
}

/// Whether `target` lies in a bind. A link there would be made in the host's directory: the instance's home keeps
/// it, where claudebox itself makes it before the start (bwrap up to 0.8 fails on one that is there), and in a
/// directory of the user's there is nothing to be made.
bool in_bind(const Plan& plan, const std::string& target) {
  const Mount* deepest = nullptr;
  for (const auto& other : plan.mounts)
    if (other.target != target && base::is_within(target, other.target) &&
        (!deepest || other.target.size() > deepest->target.size()))
      deepest = &other;
  return deepest && deepest->is_bind();
}

void add_mount(std::vector<Word>& words, const Plan& plan, const Mount& mount) {
  switch (mount.kind) {
    case Mount::Kind::read_only:
      words.insert(words.end(), {std::string("--ro-bind-fd"), BoundPath{mount.source}, mount.target});
      return;
    case Mount::Kind::writable:
      words.insert(words.end(), {std::string("--bind-fd"), BoundPath{mount.source}, mount.target});
      return;
    case Mount::Kind::tmpfs:
      add_mode(words, mount.mode);
      words.insert(words.end(), {std::string("--tmpfs"), mount.target});
      return;
    case Mount::Kind::directory:
      add_mode(words, mount.mode);
      words.insert(words.end(), {std::string("--dir"), mount.target});
      return;
    case Mount::Kind::symlink:
      if (in_bind(plan, mount.target)) return;
      words.insert(words.end(), {std::string("--symlink"), mount.source, mount.target});
      return;
    case Mount::Kind::file:
      add_mode(words, mount.mode);
      words.insert(words.end(), {std::string(in_own_root(plan, mount.target) ? "--file" : "--ro-bind-data"),
                                 Bytes{mount.content}, mount.target});
      return;
    case Mount::Kind::proc:
      words.insert(words.end(), {std::string("--proc"), mount.target});
      return;
    case Mount::Kind::dev:
      words.insert(words.end(), {std::string("--dev"), mount.target});
      return;
    case Mount::Kind::store:
      words.insert(words.end(), {std::string("--ro-bind-fd"), StoreDirectory{}, mount.target});
      return;
    case Mount::Kind::login:
      words.insert(words.end(), {std::string("--ro-bind-fd"), LoginDirectory{}, mount.target});
      return;
  }
}

}  // namespace

std::vector<Word> bwrap_options(const Plan& plan) {
  std::vector<Word> words;
  const auto add = [&](const auto&... text) { (words.emplace_back(std::string(text)), ...); };

  // The user namespace is named, never implied: as uid 0 bwrap would otherwise keep every capability, and
  // --cap-drop is what makes the read-only /proc/sys hold (nothing inside may unmount it).
  add("--unshare-user", "--uid", std::to_string(plan.uid), "--gid", std::to_string(plan.gid));
  add("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try");
  add("--hostname", plan.host_name, "--cap-drop", "ALL", "--die-with-parent");
  if (plan.new_session) add("--new-session");
  if (!plan.nested) add("--disable-userns");

  std::set<std::string> parents;
  for (const auto& mount : plan.mounts) {
    // bwrap gives a missing parent of a file the mode 0700: say what it should be.
    if (mount.kind == Mount::Kind::file && in_own_root(plan, mount.target))
      for (const auto& parent : base::ancestors_and_self(base::parent_of(mount.target)))
        if (parents.insert(parent).second) add("--perms", "0755", "--dir", parent);
    add_mount(words, plan, mount);
  }
  add("--remount-ro",
      "/");  // what was copied into the root stays as it is; mounts below keep their own flags

  add("--clearenv");
  for (const auto& variable : plan.env) add("--setenv", variable.name, variable.value);
  add("--chdir", plan.project.directory);
  add("--add-seccomp-fd");
  words.emplace_back(SeccompFilter{});
  return words;
}

}  // namespace claudebox::plan
