#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "base/path.h"
#include "base/text.h"
#include "cli/check.h"
#include "plan/agent.h"
#include "plan/limits.h"
#include "sys/fd.h"
#include "sys/program_output.h"

namespace claudebox::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{10'000};

/// Files of /proc have no size, so HostView does not read them.
std::string read_kernel_file(const std::string& path) {
  const sys::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  char buffer[4096];
  const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
  return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
}

std::optional<long> kernel_setting(const std::string& name) {
  const std::string text = read_kernel_file("/proc/sys/" + name);
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::string find_on_path(const sys::HostView& host, const std::string& name) {
  for (const auto& directory : base::split(host.variable("PATH").value_or(""), ':')) {
    const std::string path = base::path_join(directory, name);
    if (path.starts_with('/') && host.stat(path).kind == sys::FileKind::file && host.executable(path))
      return path;
  }
  return {};
}

/// The first word with a digit in front and a dot: "0.8.0" of "bubblewrap 0.8.0".
std::string version_in(const std::string& text) {
  for (const auto& line : base::split(text, '\n'))
    for (const auto& word : base::split(line, ' '))
      if (!word.empty() && word.front() >= '0' && word.front() <= '9' && word.find('.') != std::string::npos)
        return word;
  return {};
}

ProgramFacts ask_program(const std::string& path) {
  ProgramFacts program{.path = path};
  if (path.empty()) return program;
  const auto said = sys::program_output({path, "--version"}, kPatience);
  program.answered = said.has_value();
  program.version = version_in(said.value_or(""));
  return program;
}

ProgramFacts ask_bwrap(const sys::HostView& host) {
  std::string path = find_on_path(host, "bwrap");
  if (path.empty() && host.executable("/usr/bin/bwrap")) path = "/usr/bin/bwrap";
  ProgramFacts bwrap = ask_program(path);
  if (path.empty() || !bwrap.answered) return bwrap;
  const auto help = sys::program_output({path, "--help"}, kPatience);
  bwrap.answered = help.has_value();
  bwrap.help = help.value_or("");
  return bwrap;
}

std::string distribution(const sys::HostView& host) {
  std::string names = " ";
  for (const auto& line : base::split(host.read_file("/etc/os-release").value_or(""), '\n')) {
    if (!line.starts_with("ID=") && !line.starts_with("ID_LIKE=")) continue;
    for (const char c : line.substr(line.find('=') + 1))
      if (c != '"' && c != '\'') names += c;
    names += ' ';
  }
  return names;
}

Facts::Tun look_at_tun() {
  const sys::UniqueFd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  if (tun) return Facts::Tun::usable;
  return errno == EACCES || errno == EPERM ? Facts::Tun::forbidden : Facts::Tun::missing;
}

/// As planning the agent would find it.
void look_at_login(const sys::HostView& host, const plan::Agent& agent, Facts& facts) {
  plan::Plan plan;
  plan.user_home = host.real_path(host.identity().home).value_or(host.identity().home);
  base::Diagnostics problems;
  plan_login({}, host, agent, plan, problems);
  facts.login = plan.login;
  if (!problems.empty()) {
    facts.login_problem = problems.items().front().message;
    facts.login_hint = problems.items().front().hint;
  } else if (!plan.notes.empty()) {
    facts.login_problem = plan.notes.front().text;
  }
}

void look_at_terminal(const sys::HostView& host, Facts& facts) {
  facts.terminal = host.is_terminal(STDIN_FILENO) && host.is_terminal(STDERR_FILENO);
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0) {
    facts.columns = size.ws_col;
    facts.rows = size.ws_row;
  }
  facts.legacy_tiocsti = kernel_setting("dev/tty/legacy_tiocsti");
}

}  // namespace

Facts gather_required(const sys::HostView& host) {
  Facts facts;
  facts.root = host.identity().uid == 0;
  facts.distribution = distribution(host);
  utsname names{};
  if (::uname(&names) == 0) facts.kernel = names.release;
  facts.namespaces = sys::attempt_namespaces();
  facts.unprivileged_clone = kernel_setting("kernel/unprivileged_userns_clone");
  facts.apparmor_restriction = kernel_setting("kernel/apparmor_restrict_unprivileged_userns");
  facts.apparmor_profile = host.stat("/etc/apparmor.d/claudebox").exists();
  for (const std::string kind : {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"})
    if (const auto limit = kernel_setting("user/max_" + kind + "_namespaces")) facts.limits[kind] = *limit;
  // seccomp(2): a kernel with filters says EFAULT to a null program, one without says EINVAL.
  facts.seccomp_filter = ::prctl(PR_SET_SECCOMP, 2, nullptr) < 0 && errno == EFAULT;
  facts.bwrap = ask_bwrap(host);
  return facts;
}

Facts gather(const sys::HostView& host) {
  Facts facts = gather_required(host);
  facts.landlock_abi = host.landlock_abi();
  facts.slirp4netns = ask_program(find_on_path(host, "slirp4netns"));
  facts.git = ask_program(find_on_path(host, "git"));
  facts.nix = ask_program(find_on_path(host, "nix"));
  const plan::Agent& agent = plan::default_agent();
  facts.agent = ask_program(plan::find_agent(host, agent).value_or(""));
  facts.agent_hint = agent.install_hint;
  look_at_login(host, agent, facts);
  facts.cgroups = plan::find_cgroup_place(host);
  facts.counts_processes = plan::counts_processes(host);
  facts.tun = look_at_tun();
  look_at_terminal(host, facts);
  return facts;
}

}  // namespace claudebox::cli
