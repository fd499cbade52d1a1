#include "sys/program_output.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "sys/fd.h"

namespace claudebox::sys {
namespace {

constexpr std::size_t kLimit = 64U << 10;

pid_t spawn(const std::vector<std::string>& arguments, int output) {
  std::vector<char*> words;
  words.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  ::posix_spawn_file_actions_addchdir_np(&actions, "/");
  // A process group of its own, so that what it started is killed with it.
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  pid_t pid = -1;
  if (::posix_spawn(&pid, words.front(), &actions, &attributes, words.data(), environ) != 0) pid = -1;
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  return pid;
}

}  // namespace

std::optional<std::string> program_output(const std::vector<std::string>& arguments,
                                          std::chrono::milliseconds limit) {
  using Clock = std::chrono::steady_clock;
  Pipe pipe = make_pipe();
  const pid_t pid = spawn(arguments, pipe.write.get());
  pipe.write.reset();
  if (pid < 0) return std::nullopt;

  const auto deadline = Clock::now() + limit;
  std::string out;
  bool ended = false;
  while (out.size() < kLimit) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd ready{.fd = pipe.read.get(), .events = POLLIN, .revents = 0};
    const int count = left > 0 ? ::poll(&ready, 1, static_cast<int>(left)) : 0;
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    char buffer[4096];
    const ssize_t got = ::read(pipe.read.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    ended = got <= 0;
    if (ended) break;
    out.append(buffer, static_cast<std::size_t>(got));
  }
  ::kill(-pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (!ended && out.size() < kLimit) return std::nullopt;
  return out;
}

}  // namespace claudebox::sys
