// A host made of values, for tests of planning.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/path.h"
#include "sys/host_view.h"

namespace claudebox::testing {

/// An in-memory file tree. Parents are made on the way. An ordinary user "dev" (1000) at /home/dev by
/// default.
class FakeHost : public sys::HostView {
 public:
  FakeHost() {
    identity_ = {.uid = 1000,
                 .gid = 1000,
                 .user = "dev",
                 .group = "dev",
                 .home = "/home/dev",
                 .shell = "/bin/bash",
                 .sudo_uid = {}};
    directory("/");
    directory("/home/dev");
    current_directory_ = "/home/dev";
  }

  FakeHost& directory(const std::string& path, mode_t mode = 0755) {
    return add(path, {.kind = sys::FileKind::directory, .mode = mode}, {});
  }
  FakeHost& file(const std::string& path, std::string content = {}, mode_t mode = 0644) {
    return add(path, {.kind = sys::FileKind::file, .mode = mode}, std::move(content));
  }
  FakeHost& program(const std::string& path, std::string content =
                                                 "\x7f"
                                                 "ELF") {
    return file(path, std::move(content), 0755);
  }
  FakeHost& symlink(const std::string& path, std::string target) {
    return add(path, {.kind = sys::FileKind::symlink, .mode = 0777}, std::move(target));
  }
  FakeHost& other(const std::string& path, sys::FileKind kind) {
    return add(path, {.kind = kind, .mode = 0600}, {});
  }
  FakeHost& set(const std::string& name, std::string value) {
    environment_[name] = std::move(value);
    return *this;
  }
  FakeHost& at(std::string directory_path) {
    directory(directory_path);
    current_directory_ = std::move(directory_path);
    return *this;
  }
  FakeHost& read_only(const std::string& path) {
    read_only_.insert(path);
    return *this;
  }

  FakeHost& owner(const std::string& path, uid_t uid) {
    nodes_.at(path).info.uid = uid;
    return *this;
  }
  FakeHost& mode(const std::string& path, mode_t mode) {
    nodes_.at(path).info.mode = mode;
    return *this;
  }

  sys::FileInfo lstat(const std::string& path) const override { return find(path, false); }
  sys::FileInfo stat(const std::string& path) const override { return find(path, true); }
  std::optional<std::string> real_path(const std::string& path) const override {
    const auto resolved = resolve(path, true);
    if (!resolved || !nodes_.contains(*resolved)) return std::nullopt;
    return resolved;
  }
  std::optional<std::string> read_link(const std::string& path) const override {
    const auto at = resolve(path, false);
    if (!at || !nodes_.contains(*at) || nodes_.at(*at).info.kind != sys::FileKind::symlink)
      return std::nullopt;
    return nodes_.at(*at).content;
  }
  std::optional<std::string> read_file(const std::string& path, std::size_t limit) const override {
    const auto at = real_path(path);
    if (!at || nodes_.at(*at).info.kind != sys::FileKind::file || nodes_.at(*at).content.size() > limit)
      return std::nullopt;
    return nodes_.at(*at).content;
  }
  std::optional<std::string> read_head(const std::string& path, std::size_t length) const override {
    const auto at = real_path(path);
    if (!at || nodes_.at(*at).info.kind != sys::FileKind::file) return std::nullopt;
    return nodes_.at(*at).content.substr(0, length);
  }
  sys::OpenedFile open_file(const std::string& path, std::size_t limit) const override {
    sys::OpenedFile out{.info = lstat(path)};
    if (out.info.kind != sys::FileKind::file) return out;
    out.content = nodes_.at(resolve(path, false).value()).content;
    out.too_large = out.content.size() > limit;
    return out;
  }
  std::vector<std::string> list_directory(const std::string& path, std::size_t limit) const override {
    std::set<std::string> names;
    const auto at = real_path(path);
    if (!at) return {};
    for (const auto& [node, _] : nodes_)
      if (node != *at && base::parent_of(node) == *at && names.size() < limit)
        names.insert(base::base_name(node));
    return {names.begin(), names.end()};
  }
  bool readable(const std::string& path) const override { return find(path, true).exists(); }
  bool writable(const std::string& path) const override {
    const auto at = real_path(path);
    if (!at) return false;
    for (const auto& closed : read_only_)
      if (base::is_within(*at, closed)) return false;
    return true;
  }
  bool executable(const std::string& path) const override { return (find(path, true).mode & 0111) != 0; }
  const sys::Identity& identity() const override { return identity_; }
  const sys::Environment& environment() const override { return environment_; }
  const std::string& current_directory() const override { return current_directory_; }
  bool is_terminal(int) const override { return terminal_; }
  int landlock_abi() const override { return landlock_abi_; }
  std::int64_t now() const override { return now_; }

  sys::Identity identity_;
  sys::Environment environment_;
  std::string current_directory_;
  bool terminal_ = true;
  int landlock_abi_ = 7;
  std::int64_t now_ = 1'800'000'000'000;  ///< 2027-01-15 08:00 UTC

 private:
  struct Node {
    sys::FileInfo info;
    std::string content;
  };
  FakeHost& add(const std::string& path, sys::FileInfo info, std::string content) {
    for (const auto& parent : base::ancestors_and_self(base::parent_of(path)))
      nodes_.try_emplace(
          parent,
          Node{{.kind = sys::FileKind::directory, .mode = 0755, .uid = identity_.uid, .inode = ++inodes_},
               {}});
    if (info.kind == sys::FileKind::directory && nodes_.contains(path)) return *this;
    info.uid = identity_.uid;
    info.inode = ++inodes_;
    info.size = content.size();
    nodes_[path] = {info, std::move(content)};
    return *this;
  }
  std::optional<std::string> resolve(const std::string& path, bool follow_last, int depth = 0) const {
    if (depth > 40) return std::nullopt;
    std::string at;
    const auto names = base::relative_to(path, "/");
    std::size_t from = 0;
    while (from <= names.size() && !names.empty()) {
      const std::size_t end = std::min(names.find('/', from), names.size());
      const std::string name = names.substr(from, end - from);
      from = end + 1;
      if (name.empty() || name == ".") continue;
      if (name == "..") {
        at = at.empty() ? at : base::parent_of(at);
        if (at == "/") at.clear();
        continue;
      }
      const std::string next = at + "/" + name;
      const bool last = from > names.size();
      const auto node = nodes_.find(next);
      if (node != nodes_.end() && node->second.info.kind == sys::FileKind::symlink &&
          (!last || follow_last)) {
        const std::string target = base::path_join(at.empty() ? "/" : at, node->second.content);
        const auto resolved = resolve(target, true, depth + 1);
        if (!resolved) return std::nullopt;
        at = *resolved == "/" ? "" : *resolved;
      } else {
        at = next;
      }
    }
    return at.empty() ? "/" : at;
  }
  sys::FileInfo find(const std::string& path, bool follow) const {
    const auto at = resolve(path, follow);
    if (!at) return {};
    const auto node = nodes_.find(*at);
    return node == nodes_.end() ? sys::FileInfo{} : node->second.info;
  }
  std::map<std::string, Node> nodes_;
  std::set<std::string> read_only_;
  ino_t inodes_ = 0;
};

}  // namespace claudebox::testing
