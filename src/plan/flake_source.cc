// Theory of operation
//
// A local flake is a program that comes with a project: by git clone, from a colleague, from an agent that worked there. Nix
// evaluates it in a box, see plan/resolver_box, but what it then builds or fetches is built and fetched by this machine. So
// it is evaluated only after `claudebox trust`, and the approval is for the files that evaluation reads, as they were.
//
// Which files those are is known after an evaluation only. Evaluation is pure: with the same files it reads the same files.
// So the first approval is for every file (of a large project, for those that a bounded look finds), the first evaluation
// says which are read, the approval is narrowed to them, and from then on a file that is read and was not approved is a
// reason to stop.
#include "plan/flake_source.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>

#include "base/hash.h"
#include "base/path.h"
#include "base/text.h"

namespace claudebox::plan {
namespace {

constexpr std::size_t kMostNames = 5000;      // looked at before the first evaluation
constexpr std::size_t kLargest = 4U << 20;    // of one file
constexpr std::size_t kMostTreeNames = 2000;  // some 2 µs each, at every start
constexpr const char* kHead = "claudebox flake 1";
constexpr const char* kComplete = "evaluated";

/// Not looked into: large, and seldom a part of a flake.
constexpr auto kLeftOut =
    std::to_array<std::string_view>({".git", ".direnv", "node_modules", "target", "result"});

std::string lines_of(const sys::HostView& host, const std::string& path) {
  const auto content = host.read_file(path, kLargest);
  std::string out;
  if (!content) return out;
  auto lines = base::split(*content, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  for (const auto& line : lines) out += "  " + line + "\n";
  return out;
}

/// "file NAME DIGEST" of each file by its name.
std::map<std::string, std::string> entries(const std::string& text) {
  std::map<std::string, std::string> out;
  for (const auto& line : base::split(text, '\n')) {
    if (!line.starts_with("file ")) continue;
    const std::size_t end = line.rfind(' ');
    out[line.substr(5, end - 5)] = line.substr(end + 1);
  }
  return out;
}

}  // namespace

std::string file_digest(const sys::HostView& host, const std::string& path) {
  const auto opened = host.open_file(path, kLargest);
  if (opened.info.kind == sys::FileKind::symlink)
    return "link-" + base::sha256_hex(host.read_link(path).value_or(""));
  if (opened.info.kind != sys::FileKind::file) return "missing";
  return opened.too_large ? "too-large" : base::sha256_hex(opened.content);
}

FlakeFiles flake_files(const sys::HostView& host, const std::string& root, const std::string& directory) {
  std::set<std::string> found;
  for (const auto* own : {"flake.nix", "flake.lock"})
    if (host.lstat(base::path_join(directory, own)).exists())
      found.insert(base::relative_to(base::path_join(directory, own), root));
  std::deque<std::string> todo = {root};
  std::size_t left = kMostNames;
  while (!todo.empty() && left > 0) {
    const std::string at = todo.front();
    todo.pop_front();
    for (const auto& name : host.list_directory(at, left)) {
      if (left == 0) break;
      --left;
      const std::string path = base::path_join(at, name);
      if (std::find(kLeftOut.begin(), kLeftOut.end(), name) != kLeftOut.end()) continue;
      const auto kind = host.lstat(path).kind;
      if (kind == sys::FileKind::directory) todo.push_back(path);
      if (kind == sys::FileKind::file || kind == sys::FileKind::symlink)
        found.insert(base::relative_to(path, root));
    }
  }
  return {.names = {found.begin(), found.end()}, .complete = false};
}

std::string flake_text(const sys::HostView& host, const std::string& root, const FlakeFiles& files) {
  std::string text = std::string(kHead) + (files.complete ? std::string(" ") + kComplete : "") + "\n";
  for (const auto& name : files.names) {
    if (name.find('\n') != std::string::npos) continue;  // Nix has no such file either
    const std::string path = base::path_join(root, name);
    text += "file " + name + " " + file_digest(host, path) + "\n";
    if (name.ends_with(".nix")) text += lines_of(host, path);
  }
  return text;
}

std::string for_people(const std::string& text) {
  std::string out;
  std::size_t others = 0;
  for (const auto& line : base::split(text, '\n')) {
    if (line.starts_with(kHead) || line.empty()) continue;
    const std::size_t end = line.rfind(' ');
    const std::string name = line.starts_with("file ") ? line.substr(5, end - 5) : std::string();
    if (!name.empty() && !name.ends_with(".nix") && base::base_name(name) != "flake.lock") {
      ++others;
    } else {
      out += (name.empty() ? line : name + "  " + line.substr(end + 1, 12)) + "\n";
    }
  }
  if (others > 0)
    out += "and " + std::to_string(others) + (others == 1 ? " other file" : " other files") +
           ", as they are now\n";
  return out;
}

FlakeFiles files_of(const std::string& text) {
  FlakeFiles files{.names = {}, .complete = text.starts_with(std::string(kHead) + " " + kComplete + "\n")};
  for (const auto& [name, _] : entries(text)) files.names.push_back(name);
  return files;
}

std::vector<std::string> changed_files(const std::string& before, const std::string& now) {
  const auto old = entries(before);
  std::vector<std::string> out;
  for (const auto& [name, digest] : entries(now))
    if (const auto found = old.find(name); found == old.end() || found->second != digest) out.push_back(name);
  return out;
}

std::string tree_digest(const sys::HostView& host, const std::string& root, const std::string& below) {
  std::string seen;
  std::deque<std::string> todo = {base::path_join(root, below)};
  for (std::size_t count = 0; !todo.empty();) {
    const std::string at = todo.front();
    todo.pop_front();
    for (const auto& name : host.list_directory(at, kMostTreeNames + 1)) {
      if (name == ".git") continue;
      const std::string path = base::path_join(at, name);
      const auto info = host.lstat(path);
      if (++count > kMostTreeNames) {
        const std::string git = base::path_join(root, ".git");
        const auto index = host.lstat(base::path_join(git, "index"));
        return "git-" + base::sha256_hex(std::to_string(index.modified) + " " + std::to_string(index.size) +
                                         " " + host.read_file(base::path_join(git, "HEAD")).value_or(""));
      }
      seen += base::relative_to(path, root) + '\0' + std::to_string(static_cast<int>(info.kind)) + " " +
              std::to_string(info.mode) + " ";
      if (info.kind == sys::FileKind::directory) {
        todo.push_back(path);
      } else {
        seen += std::to_string(info.size) + " " + std::to_string(info.modified);
      }
      seen += '\0';
    }
  }
  return base::sha256_hex(seen);
}

}  // namespace claudebox::plan
