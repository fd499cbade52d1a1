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

void add_mount(std::vector<Word>& words, const Plan& plan, const Mount& mount) {
  switch (mount.kind) {
    case Mount::Kind::read_only:
      words.insert(words.end(), {std::string("--ro-bind"), mount.source, mount.target});
      return;
    case Mount::Kind::writable:
      words.insert(words.end(), {std::string("--bind"), mount.source, mount.target});
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
      // A link in a bind would be made in the host's directory: the instance's home keeps it, where claudebox itself
      // makes it before the start (bwrap up to 0.8 fails on one that is there), and in a directory of the user's there
      // is nothing to be made.
      if (const Mount* around = mount_around(plan, mount.target); around && around->is_bind()) return;
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
      for (const auto& name : mount.names)
        words.insert(words.end(), {std::string("--ro-bind"), base::path_join(mount.source, name),
                                   base::path_join(mount.target, name)});
      return;
    case Mount::Kind::login:
      words.insert(words.end(), {std::string("--dir"), mount.target});
      return;
  }
}

}  // namespace

const Mount* mount_around(const Plan& plan, const std::string& target) {
  const Mount* deepest = nullptr;
  for (const auto& other : plan.mounts)
    if (other.target != target && base::is_within(target, other.target) &&
        (!deepest || other.target.size() > deepest->target.size()))
      deepest = &other;
  return deepest;
}

bool in_own_root(const Plan& plan, const std::string& target) {
  return std::none_of(plan.mounts.begin(), plan.mounts.end(), [&](const Mount& other) {
    return other.target != target && other.kind != Mount::Kind::directory &&
           base::is_within(target, other.target);
  });
}

bool is_mounted_by_bwrap(const Mount& mount) {
  return base::is_within(mount.target, "/proc");
}

std::vector<std::string> bwrap_isolation(const Plan& plan) {
  // The user namespace is named, never implied: as uid 0 bwrap would otherwise keep every capability, and
  // --cap-drop is what makes the read-only /proc/sys hold (nothing inside may unmount it).
  std::vector<std::string> words = {"--unshare-user",
                                    "--uid",
                                    std::to_string(plan.uid),
                                    "--gid",
                                    std::to_string(plan.gid),
                                    "--unshare-pid",
                                    "--unshare-ipc",
                                    "--unshare-uts",
                                    "--unshare-cgroup-try",
                                    "--hostname",
                                    plan.host_name,
                                    "--cap-drop",
                                    "ALL",
                                    "--die-with-parent"};
  if (plan.new_session) words.emplace_back("--new-session");
  if (!plan.nested) words.emplace_back("--disable-userns");
  return words;
}

std::vector<std::string> bwrap_environment(const Plan& plan) {
  std::vector<std::string> words = {"--clearenv"};
  for (const auto& variable : plan.env)
    words.insert(words.end(), {"--setenv", variable.name, variable.value});
  words.insert(words.end(), {"--chdir", plan.project.directory});
  return words;
}

std::vector<std::string> bwrap_launch_options(const Plan& plan, const std::string& root) {
  std::vector<std::string> words = bwrap_isolation(plan);
  words.insert(words.end(), {"--dev-bind", root, "/"});
  for (const auto& mount : plan.mounts) {
    if (!is_mounted_by_bwrap(mount)) continue;
    if (mount.kind == Mount::Kind::proc)
      words.insert(words.end(), {"--proc", mount.target});
    else
      words.insert(words.end(), {"--ro-bind", mount.source, mount.target});
  }
  const auto environment = bwrap_environment(plan);
  words.insert(words.end(), environment.begin(), environment.end());
  return words;
}

std::vector<Word> bwrap_options(const Plan& plan) {
  std::vector<Word> words;
  const auto add = [&](const auto&... text) { (words.emplace_back(std::string(text)), ...); };
  for (const auto& word : bwrap_isolation(plan)) add(word);

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

  for (const auto& word : bwrap_environment(plan)) add(word);
  add("--add-seccomp-fd");
  words.emplace_back(SeccompFilter{});
  return words;
}

}  // namespace claudebox::plan
