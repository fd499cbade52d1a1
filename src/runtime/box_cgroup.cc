// Theory of operation
//
//   PLACE/                        the cgroup that claudebox may make others in
//     claudebox-supervisor-PID/   claudebox itself, where PLACE must have no processes of its own
//     claudebox-box-PID/          the box, with the limits
//
// memory.max is a limit on the box as a whole. When it is reached and nothing can be reclaimed, the kernel kills the
// process of the group that uses most: with memory.oom.group left at 0 that is the test or the compiler that ran away,
// and the agent sees it fail and goes on. memory.swap.max is 0: else the limit would mean memory, and as much swap as
// there is on top.
//
// The counters in memory.events are read when the box has ended and before its group is removed: they go with it.
#include "runtime/box_cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <thread>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "plan/limits.h"
#include "sys/fs.h"
#include "sys/program_output.h"

namespace claudebox::runtime {
namespace {

using plan::CgroupPlace;
using plan::LimitKind;

constexpr const char* kRoot = "/sys/fs/cgroup";
constexpr std::string_view kBox = "claudebox-box-";
constexpr std::string_view kSupervisor = "claudebox-supervisor-";
/// How long systemd may take to move a process, and how often it is looked.
constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::milliseconds kLook{2};
/// cpu.max counts in microseconds of this period, the kernel's default.
constexpr std::uint64_t kPeriod = 100'000;

constexpr const char* kHint =
    "--limit NAME=none starts without a limit; claudebox check says what applies here";

std::string read_whole(int file) {
  char buffer[4096];
  const ssize_t got = ::pread(file, buffer, sizeof buffer, 0);
  return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
}

std::string read_path(const std::string& path) {
  const sys::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return file ? read_whole(file.get()) : std::string();
}

/// One write(2), as these files want it.
void write_control(const std::string& path, const std::string& value) {
  const sys::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
    base::throw_system_error(errno, "can't write " + value + " to " + path, kHint);
}

void make_group(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) < 0 && errno != EEXIST)
    base::throw_system_error(errno, "can't make the cgroup " + path, kHint);
}

/// Groups whose claudebox is gone. One that is in use stays: the kernel removes no group with processes.
void sweep(const std::string& place) {
  for (const auto& name : sys::entry_names(sys::open_directory(place)))
    for (const auto prefix : {kBox, kSupervisor}) {
      if (!name.starts_with(prefix)) continue;
      pid_t pid = 0;
      const auto* end = name.data() + name.size();
      if (std::from_chars(name.data() + prefix.size(), end, pid).ptr != end || pid <= 0) continue;
      if (::kill(pid, 0) < 0 && errno == ESRCH) ::rmdir(base::path_join(place, name).c_str());
    }
}

/// cgroups(7): "0::/user.slice".
std::string own_cgroup() {
  for (const auto& line : base::split(read_path("/proc/self/cgroup"), '\n'))
    if (line.starts_with("0::/")) return line.substr(3);
  return {};
}

/// Returns the scope's cgroup once this process is in it.
std::string enter_scope(const std::vector<std::string>& bus) {
  const std::string unit = "claudebox-" + std::to_string(::getpid()) + "-" + sys::random_name() + ".scope";
  std::vector<std::string> command = bus;
  for (auto& word : start_scope_call(unit, ::getpid())) command.push_back(std::move(word));
  const auto said = sys::program_output(command, kPatience);
  // The call returns when the job is queued, the move comes after it.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (said && said->find("/job/") != std::string::npos) {
    const std::string own = own_cgroup();
    if (own.ends_with("/" + unit)) return base::path_join(kRoot, own.substr(1));
    if (std::chrono::steady_clock::now() > deadline) break;
    std::this_thread::sleep_for(kLook);
  }
  throw base::Error("systemd made no scope for the box's limits: " +
                        (said ? std::string(base::trim(*said)) : "busctl gave no answer"),
                    kHint);
}

/// The cgroup below which the box's is made, with the controllers switched on for its children.
std::string prepare_place(const CgroupPlace& place, const std::vector<std::string>& controllers) {
  const bool scope = place.way == CgroupPlace::Way::systemd;
  std::string directory = scope ? enter_scope(place.bus) : place.directory;
  if (!scope) sweep(directory);
  if (scope || place.move_away) {
    const std::string beside =
        base::path_join(directory, std::string(kSupervisor) + std::to_string(::getpid()));
    make_group(beside);
    write_control(base::path_join(beside, "cgroup.procs"), std::to_string(::getpid()));
  }
  const std::string control = base::path_join(directory, "cgroup.subtree_control");
  const auto on = base::split(base::trim(read_path(control)), ' ');
  for (const auto& name : controllers)
    if (std::find(on.begin(), on.end(), name) == on.end()) write_control(control, "+" + name);
  return directory;
}

}  // namespace

std::vector<std::string> start_scope_call(const std::string& unit, int pid) {
  return {"call",
          "org.freedesktop.systemd1",
          "/org/freedesktop/systemd1",
          "org.freedesktop.systemd1.Manager",
          "StartTransientUnit",
          "ssa(sv)a(sa(sv))",
          unit,
          "fail",
          "4",
          "Description",
          "s",
          "claudebox, and a box with limits",
          "PIDs",
          "au",
          "1",
          std::to_string(pid),
          "Delegate",
          "b",
          "true",
          "CollectMode",
          "s",
          "inactive-or-failed",
          "0"};
}

BoxCgroup::BoxCgroup(const plan::Limits& limits) {
  if (limits.place.way == CgroupPlace::Way::none) return;
  std::vector<std::pair<std::string, std::string>> settings;
  std::vector<std::string> controllers;
  for (const auto& limit : limits.all) {
    if (limit.by != plan::Limit::By::group) continue;
    switch (limit.kind) {
      case LimitKind::memory:
        controllers.emplace_back("memory");
        memory_ = plan::limit_amount(limit.kind, limit.amount);
        settings.emplace_back("memory.max", std::to_string(limit.amount));
        break;
      case LimitKind::cpu:
        controllers.emplace_back("cpu");
        settings.emplace_back("cpu.max",
                              std::to_string(limit.amount * (kPeriod / 100)) + " " + std::to_string(kPeriod));
        break;
      case LimitKind::processes:
        controllers.emplace_back("pids");
        settings.emplace_back("pids.max", std::to_string(limit.amount));
        break;
      case LimitKind::open_files:
        throw base::Error("no cgroup bounds open files");
    }
  }
  const std::string place = prepare_place(limits.place, controllers);
  const std::string path = base::path_join(place, std::string(kBox) + std::to_string(::getpid()));
  make_group(path);
  path_ = path;
  try {
    for (const auto& [file, value] : settings) write_control(base::path_join(path, file), value);
    // Missing where the kernel has no swap.
    const std::string swap = base::path_join(path, "memory.swap.max");
    if (!memory_.empty() && ::access(swap.c_str(), F_OK) == 0) write_control(swap, "0");
    const std::string processes = base::path_join(path, "cgroup.procs");
    processes_.reset(::open(processes.c_str(), O_WRONLY | O_CLOEXEC));
    if (!processes_) base::throw_system_error(errno, "can't open " + processes, kHint);
    if (!memory_.empty())
      events_.reset(::open(base::path_join(path, "memory.events").c_str(), O_RDONLY | O_CLOEXEC));
  } catch (...) {
    ::rmdir(path.c_str());
    throw;
  }
}

BoxCgroup::~BoxCgroup() {
  if (path_.empty()) return;
  // The last processes of a pid namespace leave their cgroup a moment after its first one was waited for.
  for (int attempt = 0; ::rmdir(path_.c_str()) < 0 && errno == EBUSY && attempt < 100; ++attempt)
    std::this_thread::sleep_for(kLook);
}

std::string BoxCgroup::out_of_memory() const {
  if (!events_) return {};
  std::uint64_t kills = 0;
  for (const auto& line : base::split(read_whole(events_.get()), '\n'))
    if (line.starts_with("oom_kill ")) std::from_chars(line.data() + 9, line.data() + line.size(), kills);
  if (kills == 0) return {};
  return (kills == 1 ? std::string("a process of the box was killed")
                     : std::to_string(kills) + " processes of the box were killed") +
         ": the box used up its memory, limits.memory " + memory_;
}

}  // namespace claudebox::runtime
