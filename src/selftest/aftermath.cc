#include "selftest/aftermath.h"

#include <algorithm>
#include <cctype>

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

void put(std::vector<Row>& rows, const std::string& id, Result outcome, const std::string& detail) {
  for (auto& row : rows)
    if (row.id == id) {
      row.outcome = outcome;
      row.detail = detail;
    }
}

}  // namespace

Aftermath::Aftermath(const plan::Plan& plan, const sys::HostView& host)
    : plan_(plan), host_(host), mounts_(mounts()), children_(children()) {
  for (const auto& stub : plan.stubs)
    if (!host.lstat(stub.path).exists()) stubs_.push_back(stub.path);
}

std::vector<std::string> Aftermath::children() const {
  return base::split(host_.read_file("/proc/thread-self/children").value_or(""), ' ');
}

/// Mount points where a box has something; others come and go.
std::set<std::string> Aftermath::mounts() const {
  std::set<std::string> out;
  for (const auto& line : base::split(host_.read_file("/proc/self/mountinfo").value_or(""), '\n')) {
    const auto words = base::split(line, ' ');
    if (words.size() < 5) continue;
    for (const auto& place : {plan_.project.root, plan_.user_home, std::string(runtime::kBoxRoot)})
      if (!place.empty() && base::is_within(words[4], place)) out.insert(words[4]);
  }
  return out;
}

void Aftermath::judge(std::vector<Row>& rows, const std::string& token,
                      const std::vector<std::string>& namespaces) const {
  std::string left;
  std::string inside;
  std::size_t looked_at = 0;
  for (const auto& pid : processes(host_)) {
    const std::string directory = "/proc/" + pid;
    if (host_.read_file(directory + "/cmdline").value_or("").find(token) != std::string::npos)
      left = "process " + pid + " of the box lives";
    const auto pid_space = host_.read_link(directory + "/ns/pid");
    looked_at += pid_space ? 1 : 0;
    for (const char* name : {"pid", "mnt", "net"})
      if (const auto space = host_.read_link(directory + "/ns/" + name);
          space && std::find(namespaces.begin(), namespaces.end(), *space) != namespaces.end())
        inside = "process " + pid + " is in " + *space;
  }
  for (const auto& child : children())
    if (!child.empty() && std::find(children_.begin(), children_.end(), child) == children_.end())
      left = "process " + child + ", a child of claudebox, lives";
  put(rows, "ends.processes", left.empty() ? Result::held : Result::broken,
      left.empty() ? "what the probe left running is gone" : left);
  if (namespaces.empty() || looked_at == 0)
    put(rows, "ends.namespaces", Result::untried, "/proc does not show namespaces");
  else
    put(rows, "ends.namespaces", inside.empty() ? Result::held : Result::broken,
        inside.empty() ? "none of " + std::to_string(looked_at) + " processes" : inside);

  std::string mount;
  for (const auto& point : mounts())
    if (!mounts_.contains(point)) mount = point;
  put(rows, "ends.mounts", mount.empty() ? Result::held : Result::broken,
      mount.empty() ? "no new one on this host" : "there is one on " + mount);

  const auto stub = std::find_if(stubs_.begin(), stubs_.end(),
                                 [&](const std::string& path) { return host_.lstat(path).exists(); });
  if (stubs_.empty())
    put(rows, "ends.files", Result::untried, "none had to be made for this box");
  else if (stub != stubs_.end())
    put(rows, "ends.files", Result::broken, *stub + " is still there");
  else
    put(rows, "ends.files", Result::held, "0 of " + std::to_string(stubs_.size()));
}

}  // namespace claudebox::selftest
