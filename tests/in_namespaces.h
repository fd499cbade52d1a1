// Code that runs in user and mount namespaces of its own.
#pragma once

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <string>

namespace claudebox::testing {

/// The exit status of `body`, which is uid 0 there and has all capabilities.
inline int in_namespaces(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto write = [](const char* path, const std::string& text) { std::ofstream(path) << text; };
    const std::string uid = "0 " + std::to_string(::getuid()) + " 1";
    const std::string gid = "0 " + std::to_string(::getgid()) + " 1";
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) ::_exit(100);
    write("/proc/self/setgroups", "deny");
    write("/proc/self/uid_map", uid);
    write("/proc/self/gid_map", gid);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

}  // namespace claudebox::testing
