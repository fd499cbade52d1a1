// The git configuration of the box: who commits, and nothing that runs or unlocks anything (BOX-9).
#include "base/path.h"
#include "plan/git.h"
#include "plan/git_config.h"

namespace claudebox::plan {
namespace {

constexpr int kMaxDepth = 4;
constexpr std::size_t kMaxFiles = 32;

struct Person {
  std::string name;
  std::string email;
  std::string default_branch;
};

/// Reads user.name, user.email and init.defaultBranch as git would: later values win, includes where they stand.
class Reading {
 public:
  Reading(const sys::HostView& host, const Plan& plan) : host_(host), plan_(plan) {}

  void file(const std::string& path, int depth = 0) {
    if (depth > kMaxDepth || ++files_ > kMaxFiles) return;
    const auto text = host_.read_file(path);
    if (!text) return;
    for (const auto& entry : parse_git_config(*text)) {
      if (entry.section == "user" && entry.subsection.empty()) {
        if (entry.key == "name") person_.name = entry.value;
        if (entry.key == "email") person_.email = entry.value;
      } else if (entry.section == "init" && entry.key == "defaultbranch") {
        person_.default_branch = entry.value;
      } else if (entry.key == "path" && (entry.section == "include" ||
                                         (entry.section == "includeif" && holds(entry.subsection, path)))) {
        file(base::path_join(base::parent_of(path), home(entry.value)), depth + 1);
      }
    }
  }

  const Person& person() const { return person_; }

 private:
  std::string home(const std::string& path) const {
    return path.starts_with("~/") ? plan_.user_home + path.substr(1) : path;
  }

  /// includeIf "gitdir:DIR/": the project lies below DIR. Patterns with wildcards other than a final ** are not
  /// followed: a wrong name in a commit is worse than none.
  bool holds(const std::string& condition, const std::string& file) const {
    constexpr std::string_view kGitdir = "gitdir:";
    if (!condition.starts_with(kGitdir)) return false;
    std::string directory = home(condition.substr(kGitdir.size()));
    if (directory.starts_with("./")) directory = base::path_join(base::parent_of(file), directory);
    if (directory.ends_with("**")) directory.resize(directory.size() - 2);
    const bool below = directory.ends_with('/');
    if (!directory.starts_with('/') || directory.find_first_of("*?[") != std::string::npos) return false;
    const std::string wanted = base::normalize(directory);
    const std::string git_dir = base::path_join(plan_.project.canonical_root, ".git");
    return below ? base::is_within(git_dir, wanted) : git_dir == wanted;
  }

  const sys::HostView& host_;
  const Plan& plan_;
  Person person_;
  std::size_t files_ = 0;
};

}  // namespace

std::string box_gitconfig(const sys::HostView& host, const Plan& plan) {
  Reading reading(host, plan);
  reading.file("/etc/gitconfig");
  const std::string xdg = host.variable("XDG_CONFIG_HOME").value_or(plan.user_home + "/.config");
  reading.file(xdg + "/git/config");
  reading.file(plan.user_home + "/.gitconfig");
  const Person& person = reading.person();

  std::string text = "# Made by claudebox for this box; your own configuration stays outside.\n";
  if (!person.name.empty() || !person.email.empty()) text += "[user]\n";
  if (!person.name.empty()) text += "\tname = " + git_config_quote(person.name) + "\n";
  if (!person.email.empty()) text += "\temail = " + git_config_quote(person.email) + "\n";
  if (!person.default_branch.empty())
    text += "[init]\n\tdefaultBranch = " + git_config_quote(person.default_branch) + "\n";
  // The files may belong to another id where claudebox runs as root.
  text += "[safe]\n\tdirectory = " + git_config_quote(plan.project.root) + "\n";
  for (const auto& mount : plan.mounts)
    if (mount.purpose == Purpose::project && mount.target != plan.project.root)
      text += "\tdirectory = " + git_config_quote(mount.target) + "\n";
  // The repository's configuration is read-only here: what would be written there by itself is switched off.
  text += "[branch]\n\tautoSetupMerge = false\n[push]\n\tautoSetupRemote = false\n";
  text += "[gc]\n\tautoDetach = false\n[advice]\n\tdetachedHead = false\n";
  return text;
}

}  // namespace claudebox::plan
