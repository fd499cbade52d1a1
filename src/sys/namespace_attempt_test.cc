#include "sys/namespace_attempt.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace claudebox::sys {
namespace {

TEST(NamespaceAttempt, SucceedsWhereBoxesStart) {
  const auto attempt = attempt_namespaces();
  EXPECT_TRUE(attempt.succeeded()) << static_cast<int>(attempt.failed) << " errno " << attempt.error;
}

void write_to(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  [[maybe_unused]] const auto ignored = ::write(file, text.data(), text.size());
  ::close(file);
}

/// The attempt in a child whose user namespace allows `limit`=0.
NamespaceAttempt attempt_with_limit(const std::string& limit) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) < 0) return {};
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string uid = std::to_string(::getuid());
    const std::string gid = std::to_string(::getgid());
    ::unshare(CLONE_NEWUSER);
    write_to("/proc/self/setgroups", "deny");
    write_to("/proc/self/uid_map", uid + " " + uid + " 1");
    write_to("/proc/self/gid_map", gid + " " + gid + " 1");
    write_to("/proc/sys/user/" + limit, "0");
    const auto attempt = attempt_namespaces();
    [[maybe_unused]] const auto ignored = ::write(pipe[1], &attempt, sizeof attempt);
    ::_exit(0);
  }
  NamespaceAttempt attempt;
  EXPECT_EQ(::read(pipe[0], &attempt, sizeof attempt), static_cast<ssize_t>(sizeof attempt));
  ::close(pipe[0]);
  ::close(pipe[1]);
  ::waitpid(child, nullptr, 0);
  return attempt;
}

TEST(NamespaceAttempt, SaysWhereALimitStopsIt) {
  EXPECT_EQ(attempt_with_limit("max_user_namespaces"),
            (NamespaceAttempt{NamespaceStep::user_namespace, ENOSPC}));
  EXPECT_EQ(attempt_with_limit("max_net_namespaces"), (NamespaceAttempt{NamespaceStep::namespaces, ENOSPC}));
}

}  // namespace
}  // namespace claudebox::sys
