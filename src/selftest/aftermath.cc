#include "selftest/aftermath.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <ctime>
#include <limits>

#include "base/path.h"
#include "base/text.h"
#include "runtime/box_root.h"

namespace claudebox::selftest {
namespace {

constexpr std::size_t kMaxProcesses = 100'000;

std::vector<std::string> processes(const sys::HostView& host) {
  auto names = host.list_directory("/proc", kMaxProcesses);
  std::erase_if(names, [](const std::string& name) { return std::isdigit(name.front()) == 0; });
  return names;
}

std::vector<std::string> children(const sys::HostView& host) {
  return base::split(host.read_file("/proc/thread-self/children").value_or(""), ' ');
}

/// In clock ticks since boot: the 22nd field of proc(5), stat. A process is in the pid namespace that it was started in for
/// ever, so one that started later is in another that got the same number.
std::uint64_t started(const sys::HostView& host, const std::string& directory) {
  const std::string stat = host.read_file(directory + "/stat").value_or("");
  const auto close = stat.rfind(") ");
  if (close == std::string::npos) return std::numeric_limits<std::uint64_t>::max();
  const auto fields = base::split(std::string_view(stat).substr(close + 2), ' ');
  std::uint64_t ticks = std::numeric_limits<std::uint64_t>::max();
  if (fields.size() > 19) std::from_chars(fields[19].data(), fields[19].data() + fields[19].size(), ticks);
  return ticks;
}

void put(std::vector<Row>& rows, const std::string& id, Result outcome, const std::string& detail) {
  for (auto& row : rows)
    if (row.id == id) {
      row.outcome = outcome;
      row.detail = detail;
    }
}

}  // namespace

std::uint64_t clock_ticks() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  const auto rate = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return static_cast<std::uint64_t>(now.tv_sec) * rate +
         static_cast<std::uint64_t>(now.tv_nsec) * rate / 1'000'000'000;
}

Aftermath::Aftermath(const plan::Plan& plan, const sys::HostView& before)
    : plan_(plan), mounts_(mounts(before)), children_(children(before)) {
  for (const auto& stub : plan.stubs)
    if (!before.lstat(stub.path).exists()) stubs_.push_back(stub.path);
}

/// Mount points where a box has something; others come and go.
std::set<std::string> Aftermath::mounts(const sys::HostView& host) const {
  std::set<std::string> out;
  for (const auto& line : base::split(host.read_file("/proc/self/mountinfo").value_or(""), '\n')) {
    const auto words = base::split(line, ' ');
    if (words.size() < 5) continue;
    for (const auto& place : {plan_.project.root, plan_.user_home, std::string(runtime::kBoxRoot)})
      if (!place.empty() && base::is_within(words[4], place)) out.insert(words[4]);
  }
  return out;
}

void Aftermath::judge(std::vector<Row>& rows, const sys::HostView& host, const std::string& token,
                      const std::string& pid_namespace, std::uint64_t ended) const {
  std::string left;
  std::string inside;
  std::size_t looked_at = 0;
  for (const auto& pid : processes(host)) {
    const std::string directory = "/proc/" + pid;
    if (host.read_file(directory + "/cmdline").value_or("").find(token) != std::string::npos)
      left = "process " + pid + " of the box lives";
    const auto space = host.read_link(directory + "/ns/pid");
    looked_at += space ? 1 : 0;
    if (space && *space == pid_namespace && started(host, directory) < ended)
      inside = "process " + pid + " is in " + *space;
  }
  for (const auto& child : children(host))
    if (!child.empty() && std::find(children_.begin(), children_.end(), child) == children_.end())
      left = "process " + child + ", a child of claudebox, lives";
  put(rows, "ends.processes", left.empty() ? Result::held : Result::broken,
      left.empty() ? "what the probe left running is gone" : left);
  if (pid_namespace.empty() || looked_at == 0)
    put(rows, "ends.namespaces", Result::untried, "/proc does not show namespaces");
  else
    put(rows, "ends.namespaces", inside.empty() ? Result::held : Result::broken,
        inside.empty() ? "none of " + std::to_string(looked_at) + " processes" : inside);

  std::string mount;
  for (const auto& point : mounts(host))
    if (!mounts_.contains(point)) mount = point;
  put(rows, "ends.mounts", mount.empty() ? Result::held : Result::broken,
      mount.empty() ? "no new one on this host" : "there is one on " + mount);

  const auto stub = std::find_if(stubs_.begin(), stubs_.end(),
                                 [&](const std::string& path) { return host.lstat(path).exists(); });
  if (stubs_.empty())
    put(rows, "ends.files", Result::untried, "none had to be made for this box");
  else if (stub != stubs_.end())
    put(rows, "ends.files", Result::broken, *stub + " is still there");
  else
    put(rows, "ends.files", Result::held, "0 of " + std::to_string(stubs_.size()));
}

}  // namespace claudebox::selftest
