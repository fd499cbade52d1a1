#include "selftest/facts.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/path.h"
#include "base/text.h"
#include "plan/known_secrets.h"

namespace claudebox::selftest {
namespace {

/// Enough to be telling, few enough for an argument list.
constexpr std::size_t kMaxEntries = 300;
constexpr int kMaxAncestors = 16;

class Facts {
 public:
  Facts(const plan::Plan& plan, const sys::HostView& host) : plan_(plan), host_(host) {}

  /// Each path once, under the key that asked first.
  void add_path(const std::string& key, const std::string& path) {
    const auto info = host_.stat(path);
    if (!info.exists()) return;
    const std::string real = host_.real_path(path).value_or(path);
    if (is_granted(real) || !paths_.insert(path).second) return;
    add(key, std::to_string(info.device) + ":" + std::to_string(info.inode) + ":" + path);
  }

  void add_entries(const std::string& key, const std::string& directory) {
    for (const auto& name : host_.list_directory(directory, kMaxEntries))
      add_path(key, base::path_join(directory, name));
  }

  void add(const std::string& key, const std::string& value) { facts_.push_back(key + "=" + value); }
  std::vector<std::string> take() { return std::move(facts_); }

 private:
  bool is_granted(const std::string& real) const {
    return std::any_of(plan_.mounts.begin(), plan_.mounts.end(), [&](const plan::Mount& mount) {
      return mount.is_bind() && base::is_within(real, mount.source);
    });
  }

  const plan::Plan& plan_;
  const sys::HostView& host_;
  std::set<std::string> paths_;
  std::vector<std::string> facts_;
};

/// The path in "unix:path=/run/user/1000/bus,guid=…" and "unix:///run/docker.sock"; empty where there is none.
std::string path_in(const std::string& address) {
  const auto slash = address.find('/');
  if (!address.starts_with("unix:") || slash == std::string::npos) return {};
  const std::string path = address.substr(slash, address.find_first_of(",;", slash) - slash);
  return path.starts_with("///") || path.starts_with("//") ? path.substr(path.find_first_not_of('/') - 1)
                                                           : path;
}

/// Those that give away the most, by their usual names and by what variables say.
void add_named_sockets(const plan::Plan& plan, const sys::HostView& host, Facts& facts) {
  const auto variable = [&](const char* name) { return host.variable(name).value_or(""); };
  const std::string runtime =
      host.variable("XDG_RUNTIME_DIR").value_or("/run/user/" + std::to_string(plan.uid));
  const auto add = [&](const char* key, const std::vector<std::string>& paths) {
    for (const auto& path : paths)
      if (!path.empty()) facts.add_path(key, path);
  };
  add("dbus",
      {"/run/dbus/system_bus_socket", runtime + "/bus", path_in(variable("DBUS_SESSION_BUS_ADDRESS"))});
  add("containers",
      {"/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock",
       runtime + "/docker.sock", runtime + "/podman/podman.sock", path_in(variable("DOCKER_HOST"))});
  add("agent", {variable("SSH_AUTH_SOCK"), runtime + "/gnupg/S.gpg-agent", runtime + "/keyring/ssh",
                runtime + "/keyring/control", base::path_join(plan.user_home, ".gnupg/S.gpg-agent")});
}

/// Sockets that have a path, as the kernel lists them: proc(5), /proc/net/unix.
void add_sockets(const sys::HostView& host, Facts& facts) {
  std::size_t added = 0;
  for (const auto& line : base::split(host.read_file("/proc/net/unix").value_or(""), '\n')) {
    const auto slash = line.find(" /");
    if (slash == std::string::npos || added == kMaxEntries) continue;
    const std::string path = line.substr(slash + 1);
    if (host.stat(path).kind != sys::FileKind::socket) continue;
    facts.add_path("socket", path);
    ++added;
  }
  for (const std::string path : {"/tmp/.X11-unix/X0", "/run/systemd/private"}) facts.add_path("socket", path);
}

void add_files(const plan::Plan& plan, Facts& facts) {
  for (const auto& secret : plan::known_secrets())
    facts.add_path("secret", base::path_join(plan.user_home, secret.path));
  for (const std::string path :
       {"/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/ssh", "/etc/ssl/private"})
    facts.add_path("system", path);
  facts.add_entries("home", plan.user_home);
  facts.add_entries("beside", base::parent_of(plan.project.root));
  for (const std::string directory :
       {"/", "/etc", "/home", "/root", "/run", "/var", "/var/lib", "/mnt", "/media"})
    facts.add_entries("system", directory);
}

void add_variables(const plan::Plan& plan, const sys::HostView& host, Facts& facts) {
  for (const auto& [name, value] : host.environment()) {
    if (name == "PWD") continue;  // bwrap sets the box's own
    const bool planned = std::any_of(plan.env.begin(), plan.env.end(),
                                     [&](const plan::EnvVar& variable) { return variable.name == name; });
    if (!planned && !name.empty()) facts.add("variable", name);
  }
}

void add_namespaces(const plan::Plan& plan, const sys::HostView& host, Facts& facts) {
  std::vector<std::string> names = {"user", "pid", "mnt", "ipc", "uts", "cgroup"};
  if (plan.network.value != plan::Tier::full) names.emplace_back("net");
  for (const auto& name : names)
    if (const auto link = host.read_link("/proc/self/ns/" + name)) facts.add("namespace", *link);
}

void add_protections(const plan::Plan& plan, Facts& facts) {
  for (const auto& mount : plan.mounts) {
    if (mount.purpose != plan::Purpose::protection || !base::is_within(mount.target, plan.project.root))
      continue;
    facts.add(mount.kind == plan::Mount::Kind::writable ? "pinned" : "covered", mount.target);
  }
}

void add_limits(const plan::Plan& plan, Facts& facts) {
  using By = plan::Limit::By;
  for (const auto& limit : plan.limits.all) {
    if (limit.by == By::nothing) continue;
    const std::string amount = std::to_string(limit.amount);
    if (limit.kind == plan::LimitKind::memory)
      facts.add(limit.by == By::group ? "limit.memory-group" : "limit.memory", amount);
    if (limit.kind == plan::LimitKind::processes) facts.add("limit.processes", amount);
    if (limit.kind == plan::LimitKind::open_files) facts.add("limit.open-files", amount);
  }
}

void add_store(const plan::Plan& plan, Facts& facts) {
  for (const auto& store : plan.mounts) {
    if (store.kind != plan::Mount::Kind::store) continue;
    std::set<std::string> names(store.names.begin(), store.names.end());
    for (const auto& other : plan.mounts)
      if (other.target != store.target && base::is_within(other.target, store.target)) {
        const std::string below = other.target.substr(store.target.size() + 1);
        names.insert(below.substr(0, below.find('/')));
      }
    facts.add("store", store.target);
    facts.add("store-paths", std::to_string(names.size()));
    return;
  }
}

}  // namespace

std::vector<std::string> host_facts(const plan::Plan& plan, const sys::HostView& host) {
  Facts facts(plan, host);
  add_named_sockets(plan, host, facts);
  add_sockets(host, facts);
  add_files(plan, facts);
  add_variables(plan, host, facts);
  add_namespaces(plan, host, facts);
  add_protections(plan, facts);
  add_limits(plan, facts);
  add_store(plan, facts);
  facts.add("uid", std::to_string(plan.uid));
  if (plan.network.value == plan::Tier::offline) facts.add("offline", "1");
  if (plan.has_gateway()) {
    facts.add("resolver", plan.net.resolver);
    facts.add("own6", plan.net.box_v6);
  }
  return facts.take();
}

std::vector<std::string> process_facts(const sys::HostView& host, int pid) {
  std::vector<std::string> facts;
  for (int depth = 0; depth < kMaxAncestors && pid > 0; ++depth) {
    // pid (name) state parent … and the time of start as the 22nd field; the name may hold anything.
    const std::string stat = host.read_file("/proc/" + std::to_string(pid) + "/stat").value_or("");
    const auto open = stat.find('(');
    const auto close = stat.rfind(')');
    if (open == std::string::npos || close == std::string::npos || close + 2 >= stat.size()) break;
    const auto fields = base::split(std::string_view(stat).substr(close + 2), ' ');
    if (fields.size() < 20) break;
    facts.push_back("process=" + fields[19] + ":" + stat.substr(open + 1, close - open - 1));
    facts.push_back("pid=" + std::to_string(pid));
    int parent = 0;
    std::from_chars(fields[1].data(), fields[1].data() + fields[1].size(), parent);
    pid = parent;
  }
  return facts;
}

}  // namespace claudebox::selftest
