// Theory of operation
//
//   1 the record's directory is made and locked: who comes second waits, and then finds the record
//   2 of a local flake, what git tracks is copied, in a box; the copy must be what was approved
//   3 nix builds or fetches, in another box, and makes a root in the same call, so that no collector comes between
//   4 the closure is asked for, of a local flake the files that were read are compared with the approval
//   5 the record is written: from here on a start needs no nix
// The host is looked at anew for each step: a view of it remembers what was not there.
// What fails before 5 takes its root and its copy away again. What nix has in its store by then stays there for the next
// attempt, and the collector takes it otherwise.
#include "packages/resolve.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/path.h"
#include "base/text.h"
#include "instance/layout.h"
#include "packages/nix_answers.h"
#include "packages/nix_error.h"
#include "packages/nix_log.h"
#include "packages/one_box.h"
#include "packages/read_files.h"
#include "plan/devshell_env.h"
#include "plan/package_record.h"
#include "plan/packages.h"
#include "plan/resolver_box.h"
#include "sys/clock.h"
#include "sys/fs.h"
#include "sys/host.h"

namespace claudebox::packages {
namespace {

using plan::Package;

constexpr const char* kAutoRoots = "/nix/var/nix/gcroots/auto";
constexpr const char* kRoot = "root-";
constexpr const char* kSource = "source";

/// Of each local flake, what first evaluations have read in this call.
using FirstReads = std::map<std::string, std::set<std::string>>;

class Resolution {
 public:
  Resolution(const Package& package, uid_t uid, const Listener& listener, FirstReads& first_reads, bool anew)
      : package_(package),
        listener_(listener),
        first_reads_(first_reads),
        anew_(anew),
        entry_(
            sys::make_directories_beneath(sys::open_directory("/"), base::relative_to(package.entry, "/"))),
        root_name_(kRoot + sys::random_name()) {
    instance::check_owner(entry_, uid);
  }
  Resolution(const Resolution&) = delete;
  Resolution& operator=(const Resolution&) = delete;
  ~Resolution() {
    try {
      sys::remove_tree(entry_, kSource);
      if (!done_) remove_roots([&](const std::string& name) { return name.starts_with(root_name_); });
    } catch (const base::Error& error) {
      // The next attempt overwrites what is left over.
      if (listener_.note) listener_.note(error.message());
    }
  }

  void run() {
    lock();
    if (!anew_ && plan::has_record(package_, *sys::this_host())) return;
    if (listener_.begin) listener_.begin(package_);
    if (package_.local) copy_flake();
    plan::PackageRecord record = ask_again_where_collected();
    if (package_.local) take_files(record);
    record.resolved_at = sys::wall_clock();
    sys::replace_file(entry_, "record.json", plan::format_package_record(record));
    done_ = true;
    remove_roots([&](const std::string& name) { return !name.starts_with(root_name_); });
    if (listener_.end) listener_.end(package_);
  }

 private:
  bool is_devshell() const { return package_.kind == Package::Kind::devshell; }
  std::string source() const { return base::path_join(package_.entry, kSource); }
  std::string flake_root() const {
    return package_.repository.empty() ? package_.flake : package_.repository;
  }
  std::string own() const { return base::relative_to(package_.flake, flake_root()); }
  std::string root_link() const { return base::path_join(package_.entry, root_name_); }

  void wait_for(int lock, const std::string& name) const {
    if (::flock(lock, LOCK_EX | LOCK_NB) == 0) return;
    if (listener_.note)
      listener_.note("another claudebox has Nix at work; " + package_.name() + " waits for it");
    while (::flock(lock, LOCK_EX) < 0)
      if (errno != EINTR) base::throw_system_error(errno, "can't lock " + name);
  }

  void lock() {
    lock_ = sys::open_beneath(entry_, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    wait_for(lock_.get(), entry_ / "lock");
    // Nix keeps what it is about to use from the collector under its process id, which another box has as well. A daemon
    // does that for all.
    if (plan::nix_store(*sys::this_host()) != plan::NixStore::single_user) return;
    const auto above = sys::open_directory(base::parent_of(package_.entry));
    store_lock_ = sys::open_beneath(above, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    wait_for(store_lock_.get(), above / "lock");
  }

  /// In a directory of ours, so that what the host's own nix keeps is neither read nor written.
  std::string cache() {
    const std::string path = package_.local ? base::path_join(package_.entry, "cache")
                                            : base::path_join(base::parent_of(package_.entry), "cache");
    sys::make_directories_beneath(sys::open_directory("/"), base::relative_to(path, "/"));
    return path;
  }

  Answer ask_nix(plan::NixTask task, NixLog* log) {
    task.cache = cache();
    if (package_.local) task.flake = source();
    base::Diagnostics problems;
    const auto box = plan::nix_box(package_, task, *sys::this_host(), problems);
    return run_box(box, problems, log, listener_.progress);
  }

  void copy_flake() {
    sys::remove_tree(entry_, kSource);
    sys::make_directories_beneath(entry_, kSource);
    const auto copy = [&](plan::CopyStep step) {
      base::Diagnostics problems;
      const auto box = plan::copy_box(package_, step, source(), *sys::this_host(), problems);
      const Answer answer = run_box(box, problems);
      if (answer.status != 0)
        throw base::Error("can't copy the flake in " + package_.flake + ": " +
                              std::string(base::trim(answer.errors.substr(0, 2000))),
                          "Nix sees a copy of what git tracks", base::ExitCode::setup);
    };
    copy(plan::CopyStep::files);
    // Whatever ran in that box, it may not leave a repository for the next one.
    sys::remove_tree(sys::open_directory_beneath(entry_, kSource), ".git");
    if (!own().empty()) copy(plan::CopyStep::repository);
    check_copy();
  }

  void check_copy() const {
    const auto here = sys::this_host();
    if (here->lstat(base::path_join(base::path_join(source(), own()), "flake.nix")).kind !=
        sys::FileKind::file)
      throw base::Error("git does not track " + base::path_join(package_.flake, "flake.nix") +
                            ", and Nix sees only what it tracks",
                        "git add flake.nix (a commit is not needed)", base::ExitCode::setup);
    const auto files = plan::files_of(package_.approved);
    const std::string copied = plan::flake_text(*here, source(), files);
    for (const auto& name : plan::changed_files(package_.approved, copied))
      if (here->lstat(base::path_join(source(), name)).exists())
        throw base::Error(name + " of the flake in " + package_.flake + " changed while it was copied",
                          "start again", base::ExitCode::setup);
  }

  std::string installable() const {
    const std::string attribute = package_.attribute.empty() ? "" : "#" + package_.attribute;
    if (!package_.local) return package_.flake + attribute;
    if (own().empty()) return std::string("path:") + plan::kFlakePlace + attribute;
    const auto plain = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
             c == '_' || c == '.' || c == '/';
    };
    const std::string below = own();
    if (!std::all_of(below.begin(), below.end(), plain))
      throw base::Error("Nix can't name the directory " + below + " of a repository",
                        "letters, digits, -, _ and dots; or a flake at the top of its repository",
                        base::ExitCode::setup);
    return std::string("git+file://") + plan::kFlakePlace + "?dir=" + below + attribute;
  }

  plan::PackageRecord ask() {
    plan::PackageRecord record{.name = package_.name(),
                               .kind = is_devshell() ? "devshell" : "package",
                               .settings = package_.settings};
    build(record);
    take_roots(record);
    take_closure(record);
    return record;
  }

  /// A collector of a single user's store may come between two steps of nix itself.
  plan::PackageRecord ask_again_where_collected() {
    try {
      return ask();
    } catch (const base::Error& error) {
      if ((error.message() + error.hint()).find("is not valid") == std::string::npos) throw;
    }
    return ask();
  }

  static std::vector<std::string> features() {
    return {"--extra-experimental-features", "nix-command flakes"};
  }

  void build(plan::PackageRecord& record) {
    auto arguments = features();
    const auto add = [&](std::initializer_list<const char*> words) {
      arguments.insert(arguments.end(), words.begin(), words.end());
    };
    add({is_devshell() ? "print-dev-env" : "build", "--json", "--log-format", "internal-json",
         "--no-write-lock-file", "--option", "accept-flake-config", "false"});
    // With the cache of evaluations nix does not say which files it reads.
    if (package_.local) add({"-vvv", "--option", "eval-cache", "false"});
    if (anew_) add({"--refresh"});
    arguments.insert(arguments.end(),
                     {is_devshell() ? "--profile" : "--out-link", root_link(), "--", installable()});
    NixLog log;
    const Answer answer = ask_nix({.program = "nix", .arguments = std::move(arguments)}, &log);
    for (const auto& warning : log.warnings())
      if (listener_.note && warning.find("unable to download") != std::string::npos)
        listener_.note("nix: " + warning);
    if (answer.status != 0) throw explain(package_, log.error(), log.build_lines());
    opened_ = log.files();
    if (is_devshell()) {
      const auto env = plan::devshell_env(answer.output);
      if (!env)
        throw base::Error("Nix gives no environment for " + package_.name() + " that can be read",
                          "a control character in a variable of the dev shell does that",
                          base::ExitCode::setup);
      record.path = env->path;
      record.variables = env->variables;
      record.withheld = env->withheld;
    }
  }

  /// The links that nix made, what they lead to, and how the collector knows of them.
  void take_roots(plan::PackageRecord& record) {
    const auto here = sys::this_host();
    for (const auto& name : sys::entry_names(entry_)) {
      if (!name.starts_with(root_name_)) continue;
      const std::string link = base::path_join(package_.entry, name);
      const auto text = here->read_link(link);
      if (!text) continue;
      record.roots[link] = *text;
      if (plan::is_store_path(*text)) record.outputs.push_back(*text);
    }
    if (record.outputs.empty())
      throw base::Error("Nix made no root for " + package_.name(), "nix build shows what it makes of it",
                        base::ExitCode::setup);
    for (const auto& name : here->list_directory(kAutoRoots, 100'000)) {
      const std::string link = base::path_join(kAutoRoots, name);
      if (const auto text = here->read_link(link); text && record.roots.contains(*text))
        record.roots[link] = *text;
    }
    if (is_devshell()) return;
    for (const auto& output : record.outputs)
      if (here->stat(base::path_join(output, "bin")).kind == sys::FileKind::directory)
        record.path.push_back(base::path_join(output, "bin"));
  }

  void take_closure(plan::PackageRecord& record) {
    std::vector<std::string> arguments = {"--query", "--requisites"};
    arguments.insert(arguments.end(), record.outputs.begin(), record.outputs.end());
    const Answer closure =
        ask_nix({.program = "nix-store", .arguments = std::move(arguments), .network = false}, nullptr);
    for (const auto& line : base::split(closure.output, '\n'))
      if (plan::is_store_path(line)) record.closure.push_back(line);
    std::sort(record.closure.begin(), record.closure.end());
    if (closure.status != 0 || record.closure.empty())
      throw base::Error("Nix can't say what " + package_.name() + " needs: " +
                            std::string(base::trim(without_escapes(closure.errors.substr(0, 2000)))),
                        "nix-store --query --requisites shows it", base::ExitCode::setup);
    if (package_.local) return;
    arguments = features();
    arguments.insert(arguments.end(), {"flake", "metadata", "--json", "--offline", "--", package_.flake});
    // Only for people, so no failure.
    record.locked = locked_reference(
        ask_nix({.program = "nix", .arguments = std::move(arguments), .network = false}, nullptr).output);
  }

  void take_files(plan::PackageRecord& record) {
    const auto here = sys::this_host();
    const auto read = read_files(opened_, own(), *here, source());
    auto approved = plan::files_of(package_.approved);
    if (approved.complete) {
      std::vector<std::string> others;
      std::set_difference(read.files.begin(), read.files.end(), approved.names.begin(), approved.names.end(),
                          std::back_inserter(others));
      std::erase_if(others, [&](const std::string& name) {
        return !here->lstat(base::path_join(source(), name)).exists();
      });
      if (!others.empty()) {
        if (listener_.forget) listener_.forget(package_.flake);
        throw base::Error("the flake in " + package_.flake +
                              " reads files that were not approved: " + base::join(others, ", "),
                          "claudebox trust shows it, and approves it as it is now", base::ExitCode::setup);
      }
    } else {
      // Other packages of the same flake may have said before what they read.
      auto& all = first_reads_[package_.flake];
      if (read.files.empty()) {
        all.insert(approved.names.begin(), approved.names.end());
      } else {
        all.insert(read.files.begin(), read.files.end());
      }
      const std::string text =
          plan::flake_text(*here, source(), {.names = {all.begin(), all.end()}, .complete = true});
      if (listener_.approve) listener_.approve(package_.flake, text);
    }
    const auto& files = read.files.empty() ? approved.names : read.files;
    for (const auto& name : files)
      record.files[name] = plan::file_digest(*here, base::path_join(source(), name));
    for (const auto& below : read.trees) record.trees[below] = plan::tree_digest(*here, flake_root(), below);
  }

  template <class Which>
  void remove_roots(Which which) {
    for (const auto& name : sys::entry_names(entry_))
      if (name.starts_with(kRoot) && which(name)) ::unlinkat(entry_.get(), name.c_str(), 0);
  }

  const Package& package_;
  const Listener& listener_;
  FirstReads& first_reads_;
  bool anew_;
  sys::Directory entry_;
  sys::UniqueFd lock_, store_lock_;
  std::string root_name_;
  std::vector<std::string> opened_;
  bool done_ = false;
};

}  // namespace

int resolve(const plan::Plan& plan, const Listener& listener, bool anew) {
  FirstReads first_reads;
  try {
    for (const auto& package : plan.packages)
      if (anew || !package.resolved) Resolution(package, plan.uid, listener, first_reads, anew).run();
  } catch (const Cancelled& cancelled) {
    return cancelled.signal;
  }
  return 0;
}

}  // namespace claudebox::packages
