#include "profile/own_path.h"

#include <sys/stat.h>

#include <deque>

#include "base/path.h"
#include "base/text.h"

namespace claudebox::profile {
namespace {

using sys::FileInfo;
using sys::FileKind;

constexpr mode_t kOthersWrite = 0022;
constexpr int kMostLinks = 40;  // as path_resolution(7)

std::string octal(mode_t mode) {
  std::string out;
  for (int shift = 9; shift >= 0; shift -= 3)
    if (const mode_t digit = (mode >> shift) & 7U; digit != 0 || shift < 9)
      out += static_cast<char>('0' + digit);
  return "0" + out;
}

std::deque<std::string> parts_of(const std::string& path) {
  std::deque<std::string> parts;
  for (auto& part : base::split(path, '/'))
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
  return parts;
}

}  // namespace

bool is_own(const sys::HostView& host, const std::string& path, const FileInfo& info, bool roots_too,
            base::Diagnostics& problems) {
  const uid_t me = host.identity().uid;
  const std::string quoted = base::shell_quote(path);
  if (info.uid != me && !(roots_too && info.uid == 0)) {
    problems.add(path + " belongs to uid " + std::to_string(info.uid) + ", and you are uid " +
                     std::to_string(me) + ": what a box gets is not for others to say",
                 me == 0 ? "run claudebox without sudo, or sudo chown root " + quoted
                         : "look at it, then: sudo chown " + std::to_string(me) + " " + quoted);
    return false;
  }
  if (info.kind == FileKind::symlink) return true;  // its mode means nothing
  const bool sticky = roots_too && info.kind == FileKind::directory && (info.mode & S_ISVTX) != 0;
  if ((info.mode & kOthersWrite) != 0 && !sticky) {
    problems.add(path + " can be written by others (mode " + octal(info.mode) +
                     "): what a box gets is not for others to say",
                 "look at it, then: chmod go-w " + quoted);
    return false;
  }
  return true;
}

std::optional<std::string> follow_own_links(const sys::HostView& host, const std::string& path,
                                            base::Diagnostics& problems) {
  const auto refuse = [&](const base::Diagnostic& why) {
    problems.add("what " + path + " leads to is not used: " + why.message,
                 why.hint + "\nor put the file itself in the place of the link");
    return std::nullopt;
  };
  std::string at = "/";
  auto todo = parts_of(path);
  int links = 0;
  for (bool first = true; first || !todo.empty(); first = false) {
    base::Diagnostics found;
    if (!is_own(host, at, host.lstat(at), true, found)) return refuse(found.items().front());
    if (todo.empty()) break;
    const std::string part = std::move(todo.front());
    todo.pop_front();
    if (part == "..") {
      at = base::parent_of(at);
      continue;
    }
    std::string next = base::path_join(at, part);
    const FileInfo info = host.lstat(next);
    if (!info.exists())
      return refuse(
          {.message = next + (info.kind == FileKind::missing ? " is not there" : " can't be looked at"),
           .hint = "make it, or take the link away"});
    if (info.kind == FileKind::symlink) {
      const auto target = host.read_link(next);
      if (!is_own(host, next, info, true, found)) return refuse(found.items().front());
      if (!target || ++links > kMostLinks)
        return refuse({.message = next + " is one link of too many", .hint = "look where it leads"});
      auto parts = parts_of(*target);
      todo.insert(todo.begin(), parts.begin(), parts.end());
      if (target->starts_with('/')) at = "/";
      continue;
    }
    if (info.kind != FileKind::directory) {
      if (todo.empty()) return next;
      return refuse({.message = next + " is no directory", .hint = "look where the link leads"});
    }
    at = next;
  }
  return at;
}

}  // namespace claudebox::profile
