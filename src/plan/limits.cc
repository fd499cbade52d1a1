// Theory of operation
//
// A cgroup v2 is what limits a box as a whole: memory.max, cpu.max, pids.max. An ordinary user may make one only where a
// cgroup was delegated to him, and may move a process only between cgroups whose common ancestor is his too
// (Documentation/admin-guide/cgroup-v2.rst, "Delegation Containment"): from a login session's scope there is no way but
// to ask systemd. So, in this order:
//   systemd     a transient scope with Delegate=yes (org.freedesktop.systemd1(5), StartTransientUnit), the user's own
//               manager's, for root the system's. It collects the scope by itself, after a kill -9 as well.
//   delegated   the cgroup that claudebox is in, where it may be written and no process but claudebox is in it (a cgroup
//               with limits for its children has no processes of its own), or the root of all
// Elsewhere resource limits (getrlimit(2)), which are weaker, each in its way:
//   memory      RLIMIT_DATA: private writable memory, of each process by itself. RLIMIT_AS would count what V8 and
//               JavaScriptCore reserve and never use.
//   processes   RLIMIT_NPROC: since Linux 5.14 counted by user namespace, so of this box alone, whose outer namespace is
//               its own. The kernel never stops uid 0 by it.
//   open files  RLIMIT_NOFILE, always: it is per process by nature
//   cpu         nothing
#include "plan/limits.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/path.h"
#include "base/text.h"
#include "plan/passes.h"

namespace claudebox::plan {
namespace {

constexpr const char* kRoot = "/sys/fs/cgroup";

struct Row {
  LimitKind kind;
  const char* name;
  const char* controller;
};
constexpr std::array kRows = {Row{LimitKind::memory, "memory", "memory"}, Row{LimitKind::cpu, "cpu", "cpu"},
                              Row{LimitKind::processes, "processes", "pids"},
                              Row{LimitKind::open_files, "open-files", ""}};

const Row& row_of(LimitKind kind) {
  return *std::find_if(kRows.begin(), kRows.end(), [&](const Row& row) { return row.kind == kind; });
}

/// While bwrap sets up the box it holds a descriptor for each mount, and some more.
constexpr std::uint64_t kDescriptors = 48;

bool contains(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// Those of the controllers in `file` that limits are made with.
std::vector<std::string> controllers_in(const sys::HostView& host, const std::string& file) {
  const std::string content = host.read_file(file).value_or("");
  const auto words = base::split(base::trim(content), ' ');
  std::vector<std::string> out;
  for (const auto& row : kRows)
    if (row.controller[0] != '\0' && contains(words, row.controller)) out.emplace_back(row.controller);
  return out;
}

/// The cgroup v2 that this process is in, cgroups(7): "0::/user.slice".
std::optional<std::string> own_cgroup(const sys::HostView& host) {
  for (const auto& line : base::split(host.read_file("/proc/self/cgroup").value_or(""), '\n'))
    if (line.starts_with("0::/")) return line.substr(3);
  return std::nullopt;
}

std::optional<CgroupPlace> from_systemd(const sys::HostView& host) {
  const auto busctl = find_program(host, "busctl");
  if (!busctl || !host.stat("/run/systemd/system").exists()) return std::nullopt;
  CgroupPlace place{.way = CgroupPlace::Way::systemd};
  const uid_t uid = host.identity().uid;
  if (uid == 0) {
    if (host.stat("/run/dbus/system_bus_socket").kind != sys::FileKind::socket) return std::nullopt;
    place.bus = {*busctl, "--system"};
    place.controllers = controllers_in(host, base::path_join(kRoot, "cgroup.controllers"));
    return place;
  }
  const std::string id = std::to_string(uid);
  const std::string bus =
      base::path_join(host.variable("XDG_RUNTIME_DIR").value_or("/run/user/" + id), "bus");
  const auto socket = host.stat(bus);
  if (socket.kind != sys::FileKind::socket || socket.uid != uid) return std::nullopt;
  place.bus = {*busctl, "--address=unix:path=" + bus};
  place.controllers = controllers_in(host, std::string(kRoot) + "/user.slice/user-" + id + ".slice/user@" +
                                               id + ".service/cgroup.controllers");
  return place;
}

std::optional<CgroupPlace> from_delegation(const sys::HostView& host) {
  const auto own = own_cgroup(host);
  if (!own) return std::nullopt;
  CgroupPlace place{.way = CgroupPlace::Way::delegated, .directory = base::normalize(kRoot + *own)};
  const auto file = [&](const char* name) { return base::path_join(place.directory, name); };
  if (!host.writable(place.directory) || !host.stat(file("cgroup.procs")).exists() ||
      !host.writable(file("cgroup.procs")) || !host.writable(file("cgroup.subtree_control")))
    return std::nullopt;
  place.controllers = controllers_in(host, file("cgroup.controllers"));
  // The root of the hierarchy alone has no type, and may have processes beside its children.
  if (!host.stat(file("cgroup.type")).exists()) return place;
  const std::string processes = host.read_file(file("cgroup.procs")).value_or("");
  if (std::count(processes.begin(), processes.end(), '\n') != 1) return std::nullopt;
  place.move_away = true;
  return place;
}

Limit held(const RequestedLimit& wanted, const CgroupPlace& place, bool processes_count, bool root) {
  Limit out{.kind = wanted.kind, .amount = wanted.amount, .by = Limit::By::resource, .origin = wanted.origin};
  if (contains(place.controllers, row_of(wanted.kind).controller)) {
    out.by = Limit::By::group;
  } else if (wanted.kind == LimitKind::cpu) {
    out.by = Limit::By::nothing;
    out.reason = place.reason.empty() ? "the controller cpu is not delegated to you" : place.reason;
  } else if (wanted.kind == LimitKind::processes && !processes_count) {
    out.by = Limit::By::nothing;
    out.reason = root ? "without cgroup v2 the kernel holds root to no number of processes"
                      : "without cgroup v2 it takes Linux 5.14";
  }
  return out;
}

}  // namespace

const char* limit_name(LimitKind kind) {
  return row_of(kind).name;
}

std::optional<LimitKind> limit_named(std::string_view name) {
  for (const auto& row : kRows)
    if (row.name == name) return row.kind;
  return std::nullopt;
}

std::string limit_amount(LimitKind kind, std::uint64_t amount) {
  if (kind == LimitKind::cpu) return std::to_string(amount) + "%";
  if (kind != LimitKind::memory) return std::to_string(amount);
  constexpr std::string_view kUnits = "KMGT";
  std::size_t rank = 0;
  amount >>= 10U;
  while (rank + 1 < kUnits.size() && amount % 1024 == 0 && amount >= 1024) {
    amount >>= 10U;
    ++rank;
  }
  return std::to_string(amount) + kUnits[rank];
}

bool counts_processes(const sys::HostView& host) {
  if (host.identity().uid == 0) return false;
  int major = 0;
  int minor = 0;
  const std::string release = host.read_file("/proc/sys/kernel/osrelease").value_or("");
  if (std::sscanf(release.c_str(), "%d.%d", &major, &minor) != 2) return false;
  return std::pair(major, minor) >= std::pair(5, 14);
}

CgroupPlace find_cgroup_place(const sys::HostView& host) {
  CgroupPlace none;
  if (!host.stat(base::path_join(kRoot, "cgroup.controllers")).exists()) {
    none.reason = "there is no cgroup v2 at /sys/fs/cgroup";
    return none;
  }
  for (const auto& found : {from_systemd(host), from_delegation(host)})
    if (found && !found->controllers.empty()) return *found;
  none.reason = "no cgroup v2 with controllers is delegated to you, and your systemd can't be asked for one";
  return none;
}

void plan_limits(const Request& request, const sys::HostView& host, Plan& plan, base::Diagnostics& problems) {
  if (request.limits.empty()) return;
  const CgroupPlace place = find_cgroup_place(host);
  const bool processes_count = counts_processes(host);
  for (const auto& row : kRows)
    for (const auto& wanted : request.limits)
      if (wanted.kind == row.kind)
        plan.limits.all.push_back(held(wanted, place, processes_count, host.identity().uid == 0));
  for (const auto& limit : plan.limits.all) {
    if (limit.by == Limit::By::group) plan.limits.place = place;
    const std::uint64_t needed = kDescriptors + plan.mounts.size();
    if (limit.kind == LimitKind::open_files && limit.amount < needed)
      problems.add("open-files " + limit_amount(limit.kind, limit.amount) +
                       " is too little for this box: it is put together from " +
                       std::to_string(plan.mounts.size()) + " mounts, each an open file at the start",
                   "at least " + std::to_string(needed));
  }
}

}  // namespace claudebox::plan
