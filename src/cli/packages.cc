#include "cli/packages.h"

#include <unistd.h>

#include "base/path.h"
#include "base/text.h"
#include "instance/own_files.h"
#include "plan/packages.h"
#include "profile/project.h"
#include "render/audit.h"
#include "sys/host.h"

namespace claudebox::cli {
namespace {

constexpr const char* kTrust = "trust";
constexpr const char* kClearLine = "\r\033[K";

std::string approval_file(const sys::HostView& host, const std::string& directory) {
  return profile::approval_path(host, base::path_join(directory, "flake.nix"));
}

/// One line on a terminal, drawn anew; elsewhere a line at the start and at the end.
class Progress {
 public:
  explicit Progress(const Context& context)
      : quiet_(context.low.quiet),
        terminal_(!quiet_ && context.host.is_terminal(STDERR_FILENO)),
        width_(width_of(STDERR_FILENO)) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  void begin(const plan::Package& package) {
    name_ = package.name();
    if (terminal_) return draw("asking Nix");
    if (!quiet_) say_note("Nix resolves " + name_);
  }
  void progress(const std::string& status) {
    if (terminal_) draw(status.empty() ? "asking Nix" : status);
  }
  void end(const plan::Package& package) {
    clear();
    if (!quiet_) say_note(package.name() + " is there");
  }
  void note(const std::string& text) {
    clear();
    say_note(text);
  }

 private:
  void draw(const std::string& status) {
    const std::string line = base::escape_for_terminal("claudebox: " + name_ + ": " + status);
    const std::size_t room = width_ > 1 ? width_ - 1 : 1;
    say(kClearLine + (line.size() > room ? line.substr(0, room) : line));
    drawn_ = true;
  }
  void clear() {
    if (drawn_) say(kClearLine);
    drawn_ = false;
  }

  bool quiet_, terminal_;
  std::size_t width_;
  bool drawn_ = false;
  std::string name_;
};

}  // namespace

void add_approved_flakes(plan::Request& request, const sys::HostView& host, base::Diagnostics& problems) {
  base::Diagnostics said;  // by planning, with the rest
  for (const auto& flake : plan::local_flakes(request, host, said)) {
    const auto approval =
        profile::read_approval(host, base::path_join(flake.directory, "flake.nix"), problems);
    if (approval) request.approved_flakes[flake.directory] = approval->text;
  }
}

int resolve_packages(const Context& context, const plan::Plan& plan, bool anew) {
  Progress progress(context);
  const uid_t uid = context.host.identity().uid;
  const packages::Listener listener{
      .begin = [&](const plan::Package& package) { progress.begin(package); },
      .progress = [&](const std::string& status) { progress.progress(status); },
      .end = [&](const plan::Package& package) { progress.end(package); },
      .note = [&](const std::string& text) { progress.note(text); },
      .approve =
          [&](const std::string& directory, const std::string& text) {
            const std::string path = base::path_join(directory, "flake.nix");
            instance::store_own_file(state_root(context), uid, kTrust,
                                     base::base_name(approval_file(context.host, directory)),
                                     profile::format_approval({path, text}), instance::Existing::replace);
          },
      .forget =
          [&](const std::string& directory) {
            instance::remove_own_file(state_root(context), uid, kTrust,
                                      base::base_name(approval_file(context.host, directory)));
          }};
  return packages::resolve(plan, listener, anew);
}

std::variant<plan::Plan, int> with_packages(const Context& context, plan::Plan plan) {
  if (plan::packages_resolved(plan)) return plan;
  if (const int signal = resolve_packages(context, plan, false); signal != 0) {
    say("Cancelled: nothing was started.\n");
    return 128 + signal;
  }
  // What was looked up before may be remembered, so the host is looked at anew.
  const auto host = sys::this_host();
  auto again = make_plan({context.low, *host, context.closed});
  const auto* made = std::get_if<plan::Plan>(&again);
  if (!made) return again;
  for (const auto& package : made->packages)
    if (!package.resolved) {
      say_problem(
          "nothing was started: Nix says that " + package.name() +
              " is there, and a path of it in /nix/store, a root of it or a file that it was made of is not",
          "start again; if it stays so: nix-store --verify --check-contents --repair, as root with a daemon");
      return static_cast<int>(base::ExitCode::setup);
    }
  if (render::approval_text(*made) != render::approval_text(plan)) {
    say_problem("nothing was started: what the box gets has changed while its packages were resolved",
                "start again");
    return static_cast<int>(base::ExitCode::setup);
  }
  return again;
}

}  // namespace claudebox::cli
