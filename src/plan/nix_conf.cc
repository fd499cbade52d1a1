#include "plan/nix_conf.h"

#include <algorithm>
#include <array>

#include "base/path.h"
#include "base/text.h"

namespace claudebox::plan {
namespace {

constexpr std::array<const char*, 2> kFiles = {"/etc/nix/nix.conf", "/etc/xdg/nix/nix.conf"};
constexpr int kMaxIncludes = 10;

std::vector<std::string> words_of(std::string line) {
  line.resize(std::min(line.find('#'), line.size()));
  std::replace_if(line.begin(), line.end(), [](char c) { return c == '\t' || c == '\r'; }, ' ');
  auto words = base::split(line, ' ');
  std::erase(words, "");
  return words;
}

class Reader {
 public:
  explicit Reader(const sys::HostView& host) : host_(host) {}

  void read(const std::string& path, bool required, int depth = 0) {
    const auto content = host_.read_file(path);
    if (!content) {
      if (required || host_.stat(path).kind != sys::FileKind::missing) trust_.unreadable = path;
      return;
    }
    for (const auto& line : base::split(*content, '\n')) take(words_of(line), path, depth);
  }

  NixTrust trust() && { return std::move(trust_); }

 private:
  void take(const std::vector<std::string>& words, const std::string& path, int depth) {
    if (words.size() < 2) return;
    if (words[0] == "include" || words[0] == "!include") {
      if (depth < kMaxIncludes)
        read(base::path_join(base::parent_of(path), words[1]), words[0] == "include", depth + 1);
      else
        trust_.unreadable = path;
      return;
    }
    if (words[1] != "=" || (words[0] != "trusted-users" && words[0] != "extra-trusted-users")) return;
    if (words[0] == "trusted-users") trust_.users.clear();
    trust_.users.insert(trust_.users.end(), words.begin() + 2, words.end());
  }

  const sys::HostView& host_;
  NixTrust trust_{.users = {"root"}, .unreadable = {}};
};

/// Whether the user is in the group, as far as /etc/group tells; also where it does not know the group.
bool is_member(const sys::HostView& host, const std::string& group) {
  const auto& me = host.identity();
  if (group == me.group) return true;
  for (const auto& line : base::split(host.read_file("/etc/group").value_or(""), '\n')) {
    const auto fields = base::split(line, ':');
    if (fields.size() != 4 || fields[0] != group) continue;
    const auto members = base::split(fields[3], ',');
    return fields[2] == std::to_string(me.gid) ||
           std::find(members.begin(), members.end(), me.user) != members.end();
  }
  return true;
}

}  // namespace

std::vector<std::string> nix_configuration(const sys::HostView& host) {
  return {"/etc/nix", host.variable("XDG_CONFIG_HOME").value_or(host.identity().home + "/.config") + "/nix"};
}

NixTrust nix_trust(const sys::HostView& host) {
  Reader reader(host);
  for (const char* file : kFiles) reader.read(file, /*required=*/false);
  return std::move(reader).trust();
}

std::string trusted_as(const sys::HostView& host, const std::vector<std::string>& users) {
  const auto found = std::find_if(users.begin(), users.end(), [&](const std::string& user) {
    return user == "*" || user == host.identity().user ||
           (user.starts_with('@') && is_member(host, user.substr(1)));
  });
  return found == users.end() ? std::string() : *found;
}

}  // namespace claudebox::plan
