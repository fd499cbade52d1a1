// The git configuration of the box: who commits, and nothing that runs or unlocks anything (BOX-9).
#include <array>

#include "base/path.h"
#include "plan/git.h"
#include "plan/git_config_files.h"

namespace claudebox::plan {
namespace {

struct Key {
  std::string_view section;
  std::string_view key;
  std::string_view spelled;
};
/// All that is taken over of the host's configuration. Each is a name, an address or a word: no program, no key,
/// no URL.
constexpr std::array kTaken = {
    Key{"user", "name", "name"},
    Key{"user", "email", "email"},
    Key{"author", "name", "name"},
    Key{"author", "email", "email"},
    Key{"committer", "name", "name"},
    Key{"committer", "email", "email"},
    Key{"init", "defaultbranch", "defaultBranch"},
};

std::string line(std::string_view key, std::string_view value) {
  return "\t" + std::string(key) + " = " + git_config_quote(value) + "\n";
}

/// Git refuses a work tree of another user's; as uid 0 in the box any project may be one.
std::string safe_directories(const Plan& plan) {
  std::string text = "[safe]\n" + line("directory", plan.project.root);
  for (const auto& mount : plan.mounts) {
    const bool git_dir = base::base_name(mount.target) == ".git" && mount.purpose == Purpose::protection;
    if (git_dir && base::parent_of(mount.target) != plan.project.root)
      text += line("directory", base::parent_of(mount.target));
    if (mount.purpose == Purpose::project && mount.target != plan.project.root)
      text += line("directory", mount.target);
  }
  return text;
}

}  // namespace

std::string box_gitconfig(const sys::HostView& host, const Plan& plan) {
  std::string problem;
  const auto repository = find_repository(host, plan.project.root, problem);
  const std::string git_dir = repository ? repository->git_dir : plan.project.root;
  const auto config =
      read_git_config(host, host_git_config_paths(host, plan.user_home), plan.user_home,
                      [&](const std::string& condition, const std::string& file) {
                        return repository && gitdir_condition_holds(condition, file, git_dir, plan.user_home);
                      });

  std::string text = "# Made by claudebox for this box; your own configuration stays outside.\n";
  std::string_view section;
  for (const auto& taken : kTaken) {
    const auto value = git_config_value(config.entries, taken.section, taken.key);
    if (!value || value->empty()) continue;
    if (taken.section != section) text += "[" + std::string(taken.section) + "]\n";
    section = taken.section;
    text += line(taken.spelled, *value);
  }
  text += safe_directories(plan);
  // The repository's configuration is read-only here: what git would write there unasked is switched off.
  text += "[branch]\n\tautoSetupMerge = false\n[push]\n\tautoSetupRemote = false\n";
  // Work left in the background would be killed with the box.
  text += "[gc]\n\tautoDetach = false\n[maintenance]\n\tautoDetach = false\n";
  return text;
}

}  // namespace claudebox::plan
