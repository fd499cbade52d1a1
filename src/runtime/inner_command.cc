#include "runtime/inner_command.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace claudebox::runtime {
namespace {

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t innermost = 0;  ///< its pid in its own pid namespace: the last of NSpid, proc(5)
};

bool read_process(pid_t pid, Process& out) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  out = {.pid = pid};
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("PPid:")) out.parent = std::atoi(line.c_str() + 5);
    if (line.starts_with("NSpid:")) {
      out.innermost = std::atoi(line.c_str() + line.rfind('\t') + 1);
      return true;
    }
  }
  return false;
}

std::vector<Process> children_of(pid_t parent) {
  std::vector<Process> out;
  DIR* proc = ::opendir("/proc");
  if (!proc) return out;
  while (const dirent* entry = ::readdir(proc)) {
    const pid_t pid = std::atoi(entry->d_name);
    Process process;
    if (pid > 0 && read_process(pid, process) && process.parent == parent) out.push_back(process);
  }
  ::closedir(proc);
  return out;
}

}  // namespace

sys::UniqueFd find_inner_command(pid_t outer) {
  for (const auto& init : children_of(outer)) {
    for (const auto& candidate : children_of(init.pid)) {
      // bwrap's init is 1 and forks the command first, so the command is 2; orphans that init adopted are not
      // it.
      if (candidate.innermost != 2) continue;
      sys::UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, candidate.pid, 0)));
      Process again;
      // Looked at once more: the number may have been used anew between the look and the open.
      if (pidfd && read_process(candidate.pid, again) && again.parent == init.pid && again.innermost == 2)
        return pidfd;
    }
  }
  return {};
}

bool send_signal(const sys::UniqueFd& pidfd, int signal) noexcept {
  return pidfd && ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

}  // namespace claudebox::runtime
