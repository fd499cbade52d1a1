// Theory of operation
//
// Nix takes half a second to say what it said yesterday, so it is not asked: a record holds what each package came to, and
// a plan is made from the records. One holds as long as nothing that it depends on has changed: Nix's configuration and
// registries; of a local flake, the files that its evaluation read. And as long as its paths are there and the collector
// is kept from them by a root of ours, which takes some hundred looks at the file system and no process.
//
// A reference that moves (a branch, the registry's nixpkgs) stays at what it was when it was resolved, until the user asks
// for more: a start must not change the tools behind somebody's back.
#include "plan/packages.h"

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/path.h"
#include "base/text.h"
#include "plan/build.h"
#include "plan/flake_source.h"
#include "plan/git.h"
#include "plan/nix_conf.h"
#include "plan/package_record.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

using base::ExitCode;

constexpr const char* kStore = "/nix/store";
constexpr const char* kSystem =
#if defined(__x86_64__)
    "x86_64-linux";
#elif defined(__aarch64__)
    "aarch64-linux";
#else
    "linux";
#endif
constexpr std::size_t kLargestRecord = 8U << 20;

/// The project's own flake: the nearest flake.nix from where the command starts up to its root.
std::string own_flake(const sys::HostView& host, const Plan& plan) {
  for (std::string at = plan.project.directory;; at = base::parent_of(at)) {
    if (host.lstat(base::path_join(at, "flake.nix")).exists() || at == plan.project.root || at == "/")
      return at;
  }
}

std::optional<LocalFlake> locate(const PackageRequest& wish, const sys::HostView& host, const Plan& plan,
                                 bool devshell, base::Diagnostics& problems) {
  LocalFlake out{.origin = wish.origin};
  const std::string typed =
      devshell && wish.flake == "." ? own_flake(host, plan) : expand_path(host, wish.flake);
  out.directory = host.real_path(typed).value_or("");
  if (out.directory.empty() ||
      host.lstat(base::path_join(out.directory, "flake.nix")).kind != sys::FileKind::file) {
    problems.add("there is no flake in " + typed + ": it has no file flake.nix",
                 "name a directory that has one, or leave out " + wish.origin.source, ExitCode::setup);
    return std::nullopt;
  }
  out.root = out.directory;
  std::string malformed;
  if (const auto repository = find_repository(host, out.directory, malformed);
      repository && !repository->work_tree.empty()) {
    out.in_git = true;
    out.root = repository->work_tree;
    for (const auto& directory : {repository->git_dir, repository->common_dir})
      if (!base::is_within(directory, out.root)) out.git_directories.push_back(directory);
  } else if (!malformed.empty()) {
    problems.add("can't read the repository around " + out.directory + ": " + malformed, "mend it",
                 ExitCode::setup);
    return std::nullopt;
  }
  return out;
}

template <class Each>
void each_wish(const Request& request, Each each) {
  if (request.devshell) each(*request.devshell, true);
  for (const auto& wish : request.packages) each(wish, false);
}

/// Everything outside of the flake that decides what a reference comes to.
std::string settings_digest(const sys::HostView& host) {
  std::string text = kSystem;
  for (const auto& directory : nix_configuration(host))
    for (const auto* name : {"nix.conf", "registry.json"}) {
      const std::string path = base::path_join(directory, name);
      text += "\n" + path + "\n" + host.read_file(path).value_or("none");
    }
  for (const auto* name : {"NIX_CONFIG", "NIX_REMOTE"}) text += "\n" + host.variable(name).value_or("");
  return base::sha256_hex(text);
}

/// Whether a local flake is what was approved; says it where not.
bool is_approved(const Request& request, const LocalFlake& flake, const sys::HostView& host, Package& package,
                 base::Diagnostics& problems) {
  const std::string shown = base::with_tilde(flake.directory, host.identity().home);
  const std::string why = "a flake is a program, and Nix on this machine runs it";
  const auto approved = request.approved_flakes.find(flake.directory);
  if (approved == request.approved_flakes.end()) {
    problems.add("the flake in " + shown + " has not been approved: " + why,
                 "claudebox trust shows it, and approves it as it is now", ExitCode::setup);
    return false;
  }
  package.approved = approved->second;
  const std::string now = flake_text(host, flake.root, files_of(package.approved));
  if (now == package.approved) return true;
  problems.add("the flake in " + shown + " has changed since you approved it (" +
                   base::join(changed_files(package.approved, now), ", ") + "): " + why,
               "claudebox trust shows what changed, and approves it as it is now", ExitCode::setup);
  return false;
}

bool still_holds(const PackageRecord& record, const Package& package, const sys::HostView& host) {
  if (record.settings != package.settings || record.name != package.name()) return false;
  if (package.local) {
    const std::string& root = package.repository.empty() ? package.flake : package.repository;
    for (const auto& [name, digest] : record.files)
      if (file_digest(host, base::path_join(root, name)) != digest) return false;
    for (const auto& [below, digest] : record.trees)
      if (tree_digest(host, root, below) != digest) return false;
  }
  for (const auto& [link, text] : record.roots)
    if (host.read_link(link) != text) return false;
  return std::all_of(record.closure.begin(), record.closure.end(),
                     [&](const std::string& path) { return host.lstat(path).exists(); });
}

void take_record(const PackageRecord& record, Package& package) {
  package.resolved = true;
  package.locked = record.locked;
  package.outputs = record.outputs;
  package.closure = record.closure;
  package.path = record.path;
  package.variables = record.variables;
  package.withheld = record.withheld;
}

bool has_whole_store(const Plan& plan) {
  return std::any_of(plan.mounts.begin(), plan.mounts.end(), [](const Mount& mount) {
    return mount.is_bind() && mount.source == mount.target && base::is_within(kStore, mount.target) &&
           mount.target != "/";
  });
}

void mount_closure(Plan& plan) {
  std::set<std::string> all;
  for (const auto& package : plan.packages)
    for (const auto& path : package.closure) all.insert(base::base_name(path));
  if (all.empty() || has_whole_store(plan)) return;
  plan.mounts.push_back({.kind = Mount::Kind::store,
                         .target = kStore,
                         .source = kStore,
                         .purpose = Purpose::packages,
                         .origin = plan.packages.front().origin,
                         .names = {all.begin(), all.end()}});
}

}  // namespace

std::string packages_directory(const sys::HostView& host) {
  return state_root(host) + "/packages";
}

std::optional<PackageRecord> package_record(const sys::HostView& host, const std::string& entry) {
  const auto opened = host.open_file(base::path_join(entry, "record.json"), kLargestRecord);
  if (opened.info.kind != sys::FileKind::file || opened.too_large || opened.info.uid != host.identity().uid ||
      (opened.info.mode & 0022) != 0)
    return std::nullopt;
  return read_package_record(opened.content);
}

std::vector<LocalFlake> local_flakes(const Request& request, const sys::HostView& host,
                                     base::Diagnostics& problems) {
  std::vector<LocalFlake> out;
  bool any = false;
  each_wish(request, [&](const PackageRequest& wish, bool) { any = any || wish.local; });
  if (!any) return out;  // every start passes here, and few have one
  Plan plan = plan_of_user(host);
  base::Diagnostics said;
  plan_project(request, host, plan, said);
  each_wish(request, [&](const PackageRequest& wish, bool devshell) {
    if (!wish.local) return;
    auto flake = locate(wish, host, plan, devshell, problems);
    const auto same = [&](const LocalFlake& other) { return flake && other.directory == flake->directory; };
    if (flake && std::none_of(out.begin(), out.end(), same)) out.push_back(std::move(*flake));
  });
  return out;
}

void plan_packages(const Request& request, const sys::HostView& host, Plan& plan,
                   base::Diagnostics& problems) {
  if (request.packages.empty() && !request.devshell) return;
  const std::string settings = settings_digest(host);
  each_wish(request, [&](const PackageRequest& wish, bool devshell) {
    Package package{.kind = devshell ? Package::Kind::devshell : Package::Kind::package,
                    .flake = wish.flake,
                    .attribute = wish.attribute,
                    .local = wish.local,
                    .settings = settings,
                    .origin = wish.origin};
    if (wish.local) {
      auto flake = locate(wish, host, plan, devshell, problems);
      if (!flake) return;
      package.flake = flake->directory;
      if (flake->in_git) package.repository = flake->root;
      package.git_directories = flake->git_directories;
      if (!is_approved(request, *flake, host, package, problems)) return plan.packages.push_back(package);
    }
    package.entry =
        packages_directory(host) + "/" +
        base::sha256_hex(std::string(kSystem) + (devshell ? "\ndevshell\n" : "\npackage\n") + package.name())
            .substr(0, 32);
    const bool known = std::any_of(plan.packages.begin(), plan.packages.end(),
                                   [&](const Package& other) { return other.entry == package.entry; });
    if (known) return;
    if (const auto record = package_record(host, package.entry);
        record && still_holds(*record, package, host))
      take_record(*record, package);
    plan.packages.push_back(std::move(package));
  });
  if (!packages_resolved(plan) && !find_program(host, "nix"))
    problems.add("packages and dev shells come from Nix, and nix is not installed here",
                 "install it (https://nixos.org/download, or sudo apt-get install nix-bin), or leave out " +
                     (plan.packages.empty() ? std::string("them") : plan.packages.front().origin.source),
                 ExitCode::setup);
  mount_closure(plan);
}

bool has_record(const Package& package, const sys::HostView& host) {
  const auto record = package_record(host, package.entry);
  return record && still_holds(*record, package, host);
}

bool packages_resolved(const Plan& plan) {
  return std::all_of(plan.packages.begin(), plan.packages.end(),
                     [](const Package& package) { return package.resolved; });
}

}  // namespace claudebox::plan
