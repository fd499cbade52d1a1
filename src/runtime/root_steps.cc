#include "runtime/root_steps.h"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.h"
#include "plan/bwrap_args.h"

namespace claudebox::runtime {
namespace {

using plan::Mount;

RootStep::Kind step_kind(const plan::Plan& plan, const Mount& mount) {
  switch (mount.kind) {
    case Mount::Kind::read_only:
      return RootStep::Kind::read_only;
    case Mount::Kind::writable:
      return RootStep::Kind::writable;
    case Mount::Kind::tmpfs:
      return RootStep::Kind::file_system;
    case Mount::Kind::symlink:
      return RootStep::Kind::link;
    case Mount::Kind::file:
      return plan::in_own_root(plan, mount.target) ? RootStep::Kind::file : RootStep::Kind::data_file;
    case Mount::Kind::dev:
      return RootStep::Kind::dev;
    case Mount::Kind::login:
      return RootStep::Kind::login;
    case Mount::Kind::store:
      return RootStep::Kind::store;
    case Mount::Kind::directory:
    case Mount::Kind::proc:
      break;
  }
  return RootStep::Kind::directory;
}

/// Empty where standard output is no terminal.
std::string terminal_of_output() {
  std::array<char, 256> name{};
  return ::ttyname_r(STDOUT_FILENO, name.data(), name.size()) == 0 ? name.data() : "";
}

[[noreturn]] void throw_source_error(const std::string& path, int error) {
  if (error == ELOOP)
    throw base::Error(
        "can't mount " + path + ": a part of the path became a symbolic link since it was planned",
        "start again; if it happens again, something is changing that path");
  if (error == ENOENT)
    throw base::Error("can't mount " + path + ": it is gone since it was planned", "start again");
  base::throw_system_error(error, "can't mount " + path, "check its permissions, or leave it out");
}

[[noreturn]] void throw_target_error(const std::string& target, int error) {
  const std::string what = "can't mount on " + target + " in the box";
  if (error == ELOOP)
    throw base::Error(what + ": a symbolic link is on the way, where the box may write",
                      "a mount through a link could end up elsewhere: remove it");
  if (error == EROFS || error == EACCES || error == ENOTDIR || error == EEXIST)
    base::throw_system_error(error, what, "it lies in something read-only that has no such place");
  base::throw_system_error(error, what);
}

}  // namespace

RootSteps::RootSteps(const plan::Plan& plan, bool has_terminal)
    : terminal_(has_terminal ? terminal_of_output() : "") {
  for (const auto& mount : plan.mounts)
    for (const auto& name : mount.names) names_.push_back(name.c_str());
  const char* const* names = names_.data();
  for (const auto& mount : plan.mounts) {
    const char* const* own_names = names;
    names += mount.names.size();
    if (is_mounted_by_bwrap(mount) && mount.kind != Mount::Kind::proc) continue;
    const Mount* around = plan::mount_around(plan, mount.target);
    if (mount.kind == Mount::Kind::symlink && around && around->is_bind()) continue;
    steps_.push_back({.kind = step_kind(plan, mount),
                      .target = mount.target.c_str() + 1,
                      .links_in_target = !around || around->kind != Mount::Kind::writable,
                      .source = mount.source.c_str(),
                      .content = mount.content.data(),
                      .length = mount.content.size(),
                      .mode = mount.mode,
                      .names = own_names,
                      .name_count = mount.names.size()});
    mounts_.push_back(&mount);
  }
}

BoxRootSpec RootSteps::spec() const {
  return {.steps = steps_.data(),
          .count = steps_.size(),
          .terminal = terminal_.empty() ? nullptr : terminal_.c_str()};
}

void RootSteps::throw_failure(const RootResult& failed, int error) const {
  if (failed.part == RootPart::root || failed.step >= mounts_.size())
    base::throw_system_error(error, "can't prepare the box's root",
                             "it takes Linux 5.12 or later: claudebox check looks for the cause");
  const Mount& mount = *mounts_[failed.step];
  if (failed.part == RootPart::source) throw_source_error(mount.source, error);
  if (failed.part == RootPart::target) throw_target_error(mount.target, error);
  switch (mount.kind) {
    case Mount::Kind::login:
      base::throw_system_error(error, "can't put the login into a file system in memory",
                               "--auth none starts without one");
    case Mount::Kind::store:
      base::throw_system_error(error, "can't mount the packages of the box",
                               "start again: what is missing of them is resolved anew then");
    case Mount::Kind::read_only:
    case Mount::Kind::writable:
      base::throw_system_error(error, "can't mount " + mount.source + " on " + mount.target + " in the box");
    default:
      base::throw_system_error(error, "can't make " + mount.target + " in the box");
  }
}

}  // namespace claudebox::runtime
