#include "profile/files.h"

#include "base/path.h"
#include "base/text.h"
#include "plan/build.h"
#include "profile/keys.h"
#include "profile/own_path.h"

namespace claudebox::profile {
namespace {

using sys::FileInfo;
using sys::FileKind;

/// A profile of some ten lines has some hundred bytes.
constexpr std::size_t kLargest = std::size_t{256} << 10U;
constexpr std::size_t kMostProfiles = 100'000;

/// What is between STATE_ROOT and a file of the user's.
enum class Way { own, missing, linked, refused };

/// Every directory from STATE_ROOT down to the file. Where something is missing there is no file either.
Way way_to(const sys::HostView& host, const std::string& path, base::Diagnostics& problems) {
  const std::string root = plan::state_root(host);
  for (const auto& directory : base::ancestors_and_self(base::parent_of(path))) {
    if (!base::is_within(directory, root)) continue;
    const FileInfo info = host.lstat(directory);
    if (info.kind == FileKind::missing) return Way::missing;
    if (info.kind == FileKind::directory) {
      if (!is_own(host, directory, info, false, problems)) return Way::refused;
      continue;
    }
    if (info.kind == FileKind::symlink && directory != root) return Way::linked;
    problems.add(directory + (info.kind == FileKind::symlink ? " is a symbolic link" : " is no directory") +
                     ": what lies in it can't be trusted",
                 "put a directory of your own in its place: mkdir -m 700 " + base::shell_quote(directory));
    return Way::refused;
  }
  return host.lstat(path).kind == FileKind::symlink ? Way::linked : Way::own;
}

std::string what_it_is(FileKind kind) {
  switch (kind) {
    case FileKind::symlink:
      return " is a symbolic link";
    case FileKind::directory:
      return " is a directory";
    case FileKind::fifo:
      return " is a FIFO";
    case FileKind::socket:
      return " is a socket";
    case FileKind::device:
      return " is a device";
    default:
      return " can't be read";
  }
}

}  // namespace

std::string profile_path(const sys::HostView& host, const std::string& name) {
  return plan::state_root(host) + "/profiles/" + name + ".toml";
}

std::string config_path(const sys::HostView& host) {
  return plan::state_root(host) + "/config.toml";
}

std::optional<Source> read_own(const sys::HostView& host, const std::string& path, const std::string& name,
                               base::Diagnostics& problems) {
  // The file first: where there is none, which is usual, that is all that it costs.
  if (host.lstat(path).kind == FileKind::missing &&
      host.lstat(base::parent_of(path)).kind != FileKind::symlink)
    return std::nullopt;
  const Way way = way_to(host, path, problems);
  if (way == Way::missing || way == Way::refused) return std::nullopt;
  std::string real = path;
  if (way == Way::linked) {
    const auto followed = follow_own_links(host, path, problems);
    if (!followed) return std::nullopt;
    real = *followed;
  }
  auto opened = host.open_file(real, kLargest);
  if (opened.info.kind == FileKind::missing) return std::nullopt;
  if (opened.info.kind != FileKind::file) {
    const bool closed = opened.info.kind == FileKind::inaccessible;
    problems.add(real + what_it_is(opened.info.kind) + (closed ? "" : ", and has to be a file of your own"),
                 closed ? "chmod u+r " + base::shell_quote(real) : "put the file itself in its place");
    return std::nullopt;
  }
  if (!is_own(host, real, opened.info, way == Way::linked, problems)) return std::nullopt;
  if (opened.too_large) {
    problems.add(real + " is larger than " + base::human_size(kLargest), "a profile is some lines of TOML");
    return std::nullopt;
  }
  return Source{.name = name, .text = std::move(opened.content), .path = std::move(real)};
}

std::vector<std::string> profile_names(const sys::HostView& host) {
  std::vector<std::string> names;
  for (const auto& file : host.list_directory(plan::state_root(host) + "/profiles", kMostProfiles)) {
    if (!file.ends_with(".toml")) continue;
    std::string name = file.substr(0, file.size() - 5);
    if (is_profile_name(name)) names.push_back(std::move(name));
  }
  return names;
}

void say_no_profile(const sys::HostView& host, const std::string& name, const std::string& asked_by,
                    base::Diagnostics& problems) {
  const auto names = profile_names(host);
  const auto near = base::nearest(name, names);
  std::string hint;
  if (near) hint = "did you mean " + *near + "?\n";
  hint += names.empty() ? "there are none yet: claudebox profile new " + name + " makes it"
                        : "claudebox profile list shows all, claudebox profile new " + name + " makes it";
  problems.add("there is no profile '" + name + "' (" + asked_by + ")", hint);
}

}  // namespace claudebox::profile
