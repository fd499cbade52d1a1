// A plan with a project and a state directory of its own, for tests of instances; and children that act in them.
#pragma once

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "instance/registry.h"
#include "temp_dir.h"

namespace claudebox::testing {

/// The message and the hint of the Error that `call` throws; empty where it throws none.
inline std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const base::Error& error) {
    return error.message() + " | " + error.hint();
  }
  return {};
}

/// A child process that ends with the test, whatever happens.
class ForkedChild {
 public:
  /// Runs `body` in a child, which then exits with its result; an exception is 99.
  explicit ForkedChild(const std::function<int()>& body) : pid_(::fork()) {
    if (pid_ != 0) return;
    int status = 99;
    try {
      status = body();
    } catch (const std::exception&) {
    }
    ::_exit(status);
  }
  ForkedChild(const ForkedChild&) = delete;
  ForkedChild& operator=(const ForkedChild&) = delete;
  ~ForkedChild() { kill(); }

  pid_t pid() const { return pid_; }
  /// The exit status, 128+N for signal N.
  int wait() {
    int status = 0;
    if (pid_ > 0) ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  void forget() { pid_ = -1; }  ///< somebody waited for it
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }

 private:
  pid_t pid_;
};

/// Runs `body` in a child and kills it as it is about to make its `nth` system call, so that with rising numbers every
/// state that a crash can leave is met. Whether it was killed: false means that it came to its end before.
inline bool killed_at_system_call(int nth, const std::function<int()>& body) {
  ForkedChild child([&] {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) < 0) return 98;
    ::raise(SIGSTOP);
    return body();
  });
  int status = 0;
  if (::waitpid(child.pid(), &status, 0) < 0 || !WIFSTOPPED(status))
    throw base::Error("the child can't be traced");
  // Each call stops twice, before and after.
  for (int stop = 0; stop < 2 * nth - 1; ++stop) {
    if (::ptrace(PTRACE_SYSCALL, child.pid(), nullptr, nullptr) < 0) throw base::Error("can't go on tracing");
    ::waitpid(child.pid(), &status, 0);
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      child.forget();
      if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw base::Error("the child failed");
      return false;
    }
  }
  child.kill();
  return true;
}

class InstanceTest : public ::testing::Test {
 protected:
  /// The plan of a project directory, which is made.
  plan::Plan plan_for(const std::string& name) const {
    const std::string root = temp / name;
    std::filesystem::create_directories(root);
    plan::Plan plan;
    plan.uid = ::geteuid();
    plan.gid = ::getegid();
    plan.project = {.root = root, .directory = root, .canonical_root = root};
    plan.instance.id = base::sha256_hex(std::to_string(plan.uid) + ":" + root).substr(0, 16);
    plan.instance.directory = state + "/instances/" + plan.instance.id;
    plan.instance.home = plan.instance.directory + "/home";
    plan.user_home = "/home/dev";
    plan.mounts.push_back({.kind = plan::Mount::Kind::writable,
                           .target = plan.user_home,
                           .source = plan.instance.home,
                           .purpose = plan::Purpose::home});
    return plan;
  }

  static instance::Holder self(const std::string& directory = "/somewhere") {
    return {.pid = ::getpid(), .since = 1'700'000'000, .directory = directory, .command = "claude"};
  }

  /// Takes the instance. Fails the test where it is busy.
  static instance::Lease take(const plan::Plan& plan) {
    auto taken = instance::acquire(plan, self());
    if (!std::holds_alternative<instance::Lease>(taken)) throw base::Error("the instance is busy");
    return std::move(std::get<instance::Lease>(taken));
  }
  static bool is_busy(const plan::Plan& plan) {
    return std::holds_alternative<instance::Busy>(instance::acquire(plan, self()));
  }

  std::vector<std::string> names_in(const std::string& directory) const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
      names.push_back(entry.path().filename().string());
    return names;
  }

  TempDir temp;
  const std::string state = temp / "state";
};

}  // namespace claudebox::testing
