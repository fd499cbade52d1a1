// The box's home and the tools of the caller that are visible in it (BOX-4).
//
// Theory of operation. The home is the instance's own, so nothing of the user's is in it. A developer's PATH
// leads to tools below home, though: nvm, cargo, pyenv and their like. Each directory of PATH below home is
// matched with the table of known managers, which says which directories that manager needs; an unknown one
// is mounted by itself. Only program directories are named, never a manager's whole directory where
// credentials live beside the programs
// (~/.cargo/credentials.toml). What a program directory links to (~/.local/bin/x -> ~/.local/share/x/bin/x)
// is followed one level, and the tool's directory that holds the target appears too.
#include <algorithm>
#include <array>
#include <set>

#include "base/path.h"
#include "base/text.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

/// A tool manager: a PATH directory at or below `marker` needs `needs`. All relative to home.
struct ToolManager {
  std::string_view marker;
  std::array<std::string_view, 3> needs;
};
constexpr std::array kManagers = {
    ToolManager{".nvm", {".nvm/versions", ".nvm/nvm.sh", ".nvm/alias"}},
    ToolManager{".cargo/bin", {".cargo/bin", ".cargo/env", ".rustup/toolchains"}},
    ToolManager{".pyenv", {".pyenv", "", ""}},
    ToolManager{".rbenv", {".rbenv", "", ""}},
    ToolManager{".nodenv", {".nodenv", "", ""}},
    ToolManager{".asdf", {".asdf", ".tool-versions", ""}},
    ToolManager{".local/share/mise", {".local/share/mise/shims", ".local/share/mise/installs", ""}},
    ToolManager{".volta", {".volta/bin", ".volta/tools", ".volta/hooks.json"}},
    ToolManager{".bun", {".bun/bin", ".bun/install/global", ""}},
    ToolManager{".deno", {".deno/bin", "", ""}},
    ToolManager{"go", {"go/bin", "", ""}},
    ToolManager{"sdk", {"sdk", "", ""}},
    ToolManager{".local/go", {".local/go", "", ""}},
    ToolManager{".local/share/pnpm", {".local/share/pnpm", "", ""}},
    ToolManager{".local/share/fnm", {".local/share/fnm", "", ""}},
    ToolManager{".sdkman", {".sdkman/candidates", "", ""}},
    ToolManager{".npm-global", {".npm-global", "", ""}},
    ToolManager{".npm-packages", {".npm-packages", "", ""}},
    ToolManager{".juliaup", {".juliaup", ".julia/juliaup", ""}},
    ToolManager{".ghcup", {".ghcup/bin", ".ghcup/ghc", ""}},
    ToolManager{".opam", {".opam", "", ""}},
    ToolManager{"miniconda3", {"miniconda3", "", ""}},
    ToolManager{"anaconda3", {"anaconda3", "", ""}},
    ToolManager{"miniforge3", {"miniforge3", "", ""}},
    ToolManager{".local/bin", {".local/bin", ".local/lib", ".local/pipx"}},
};
/// Directories below home whose children are one tool each: a link into one shows that child.
constexpr std::array<std::string_view, 4> kToolRoots = {".local/share", ".local/opt", ".local/lib", "opt"};
/// Never mounted because they are on PATH: what lies in them is not a program.
constexpr std::array<std::string_view, 11> kNever = {".ssh",    ".gnupg",          ".aws",    ".config",
                                                     ".kube",   ".docker",         ".claude", ".codex",
                                                     ".gemini", ".password-store", ".mozilla"};
/// Found in some of the directories above. Covered with an empty file.
constexpr std::array<std::string_view, 6> kCredentialFiles = {".npmrc", "credentials", "credentials.toml",
                                                              ".netrc", ".env",        ".pypirc"};
/// At most this many names of a program directory are looked at for links.
constexpr std::size_t kMaxPrograms = 512;

class HomePass {
 public:
  HomePass(const sys::HostView& host, Plan& plan) : host_(host), plan_(plan), home_(plan.user_home) {}

  void run() {
    add_home();
    const auto path = host_.variable("PATH");
    if (!path) return;
    for (const auto& entry : base::split(*path, ':')) add_path_entry(entry);
  }

 private:
  void add_home() {
    const base::Origin origin{base::Origin::Kind::builtin, "instance",
                              "private to this project's boxes, kept"};
    plan_.mounts.push_back({.kind = Mount::Kind::writable,
                            .target = home_,
                            .source = plan_.instance.home,
                            .purpose = Purpose::home,
                            .origin = origin});
    const std::string& spelled = host_.identity().home;
    if (base::normalize(spelled) != home_)
      plan_.mounts.push_back(
          {.kind = Mount::Kind::symlink,
           .target = base::normalize(spelled),
           .source = home_,
           .purpose = Purpose::home,
           .origin = {base::Origin::Kind::detected, "HOME", "your home is a symbolic link"}});
    plan_.state.push_back(
        {.policy = StateFile::Policy::directory,
         .path = plan_.instance.home + "/.local/box/bin",
         .origin = {base::Origin::Kind::builtin, "instance", "where tools are installed in a box"}});
  }

  void add_path_entry(const std::string& entry) {
    if (!entry.starts_with('/')) return;  // relative entries mean something else in each directory
    const auto real = host_.real_path(entry);
    if (!real || host_.stat(*real).kind != sys::FileKind::directory) return;
    if (base::is_within(*real, plan_.project.root) || base::is_within(*real, "/usr")) return;
    if (base::is_within(*real, home_) && *real != home_) {
      add_home_tool(*real);
    } else if (base::is_within(*real, "/opt") && *real != "/opt") {
      // A vendor's directory: programs there need their own libraries beside them.
      add(base::ancestors_and_self(*real)[1], "PATH names " + entry);
    } else if (base::is_within(*real, "/nix/store")) {
      add("/nix/store", "PATH names " + entry);
    }
    // A PATH entry that is a link elsewhere (~/.nix-profile/bin, /nix/var/nix/profiles/default/bin) is kept as a link.
    add_link(base::normalize(entry), *real);
  }

  void add_link(const std::string& entry, const std::string& real) {
    if (entry == real || !(base::is_within(entry, base::normalize(host_.identity().home)) ||
                           base::is_within(entry, "/nix/var/nix/profiles")))
      return;
    for (const auto& step : base::ancestors_and_self(entry)) {
      if (host_.lstat(step).kind != sys::FileKind::symlink || step == base::normalize(host_.identity().home))
        continue;
      const auto target = host_.real_path(step);
      if (target && !base::is_within(*target, home_))
        plan_.mounts.push_back({.kind = Mount::Kind::symlink,
                                .target = step,
                                .source = *target,
                                .purpose = Purpose::home,
                                .origin = {base::Origin::Kind::detected, "PATH", "a link on PATH"}});
      return;
    }
  }

  void add_home_tool(const std::string& directory) {
    const std::string below = base::relative_to(directory, home_);
    for (const auto tree : kNever)
      if (base::is_within("/" + below, "/" + std::string(tree))) return;
    const auto manager = std::find_if(kManagers.begin(), kManagers.end(), [&](const ToolManager& candidate) {
      return base::is_within("/" + below, "/" + std::string(candidate.marker));
    });
    if (manager == kManagers.end()) {
      add(directory, "on PATH");
    } else {
      for (const auto need : manager->needs)
        if (!need.empty()) add(base::path_join(home_, need), "on PATH: " + std::string(manager->marker));
      if (!contained(directory)) add(directory, "on PATH");
    }
    follow_links(directory);
  }

  /// ~/.local/bin/tool -> ~/.local/share/tool/bin/tool: the tool's own directory is needed as well.
  void follow_links(const std::string& directory) {
    for (const auto& name : host_.list_directory(directory, kMaxPrograms)) {
      const std::string program = base::path_join(directory, name);
      if (host_.lstat(program).kind != sys::FileKind::symlink) continue;
      const auto target = host_.real_path(program);
      if (!target || !base::is_within(*target, home_) || contained(*target)) continue;
      for (const auto root : kToolRoots) {
        const std::string root_path = base::path_join(home_, root);
        if (!base::is_within(*target, root_path)) continue;
        const std::string tool = base::relative_to(*target, root_path);
        add(base::path_join(root_path, tool.substr(0, tool.find('/'))), "linked from " + program);
      }
    }
  }

  bool contained(const std::string& path) const {
    return std::any_of(added_.begin(), added_.end(),
                       [&](const std::string& mounted) { return base::is_within(path, mounted); });
  }

  void add(const std::string& path, const std::string& reason) {
    const auto real = host_.real_path(path);
    if (!real || !host_.readable(*real) || !added_.insert(*real).second) return;
    // A directory that leads out of where it seems to be is left alone: only what was looked at is mounted.
    if (base::is_within(path, home_) && !base::is_within(*real, home_)) return;
    if (base::is_within(plan_.project.root, *real)) return;  // working on the tool manager itself
    const base::Origin origin{base::Origin::Kind::detected, "PATH", reason};
    plan_.mounts.push_back({.kind = Mount::Kind::read_only,
                            .target = *real,
                            .source = *real,
                            .purpose = Purpose::home,
                            .origin = origin});
    for (const auto name : kCredentialFiles) {
      const std::string secret = base::path_join(*real, name);
      if (host_.lstat(secret).kind == sys::FileKind::file)
        plan_.mounts.push_back(
            {.kind = Mount::Kind::file,
             .target = secret,
             .mode = 0400,
             .purpose = Purpose::protection,
             .origin = {base::Origin::Kind::detected, "PATH", "credentials beside programs"}});
    }
  }

  const sys::HostView& host_;
  Plan& plan_;
  const std::string& home_;
  std::set<std::string> added_;
};

}  // namespace

void plan_home(const sys::HostView& host, Plan& plan) {
  HomePass(host, plan).run();
}

}  // namespace claudebox::plan
