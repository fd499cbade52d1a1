#include "runtime/login_renewal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/path.h"
#include "runtime/login_file.h"
#include "sys/clock.h"
#include "sys/fs.h"

namespace claudebox::runtime {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// Of a start. The client's own request gives up after 30 seconds.
constexpr milliseconds kPatience{40'000};
constexpr milliseconds kBeforeAWord{500};

/// This process's environment without what the plan takes out, and with what it puts in.
class Environment {
 public:
  explicit Environment(const plan::Login& login) {
    for (char** entry = environ; *entry; ++entry)
      if (keeps(login, *entry)) words_.emplace_back(*entry);
    for (const auto& [name, value] : login.renewal_set) words_.push_back(name + "=" + value);
    for (auto& word : words_) pointers_.push_back(word.data());
    pointers_.push_back(nullptr);
  }
  char* const* get() const { return pointers_.data(); }

 private:
  static bool keeps(const plan::Login& login, std::string_view entry) {
    const std::string_view name = entry.substr(0, entry.find('='));
    const auto is_meant = [&](const std::string& unset) {
      return unset.ends_with('*') ? name.starts_with(unset.substr(0, unset.size() - 1)) : name == unset;
    };
    return !login.renewal_set.contains(std::string(name)) &&
           std::none_of(login.renewal_unset.begin(), login.renewal_unset.end(), is_meant);
  }

  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};

/// A directory of the client's own for this: empty but for what it leaves there, so that it starts nobody's MCP servers.
sys::Directory make_directory(const std::string& path) {
  const std::string root = base::parent_of(base::parent_of(path));
  return sys::make_directories_beneath(sys::open_directory(root), base::relative_to(path, root));
}

pid_t spawn(const plan::Login& login, const std::string& directory) {
  std::vector<char*> words;
  for (const auto& word : login.renewal) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const Environment environment(login);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, words.front(), &actions, &attributes, words.data(), environment.get());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0)
    base::throw_system_error(error, "can't run " + login.renewal.front() + " to renew the login");
  return pid;
}

/// What is left of the access token; nothing where there is none.
std::optional<milliseconds> time_left(const LoginRead& read) {
  const auto* credential = std::get_if<plan::Credential>(&read);
  if (!credential) return std::nullopt;
  return milliseconds(credential->expires_at - sys::wall_clock());
}

}  // namespace

std::optional<Renewal> Renewal::start(const plan::Login& login) {
  const sys::Directory directory = make_directory(login.renewal_directory);
  sys::UniqueFd lock = sys::open_beneath(directory, "claudebox.lock", O_RDWR | O_CREAT, 0600);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno == EWOULDBLOCK) return std::nullopt;
    base::throw_system_error(errno, "can't lock " + directory.path);
  }
  const pid_t pid = spawn(login, directory.path);
  // It is this process's child and not waited for, so its number can't be another's.
  sys::UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) base::throw_system_error(errno, "can't watch the client that renews the login");
  return Renewal(std::move(lock), pid, std::move(pidfd));
}

int Renewal::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

LoginAtStart renew_before_start(const plan::Login& login, const std::function<void()>& waiting) {
  const auto begin = Clock::now();
  bool said = false;
  bool tried = false;
  std::string failure;
  while (true) {
    const LoginRead read = read_login(login.directory, login.file);
    const auto left = time_left(read);
    if (!left)
      return {.problem = base::path_join(login.directory, login.file) + " " +
                         std::get<plan::NoCredential>(read).reason};
    const bool usable = *left > milliseconds(0);
    const auto waited = Clock::now() - begin;
    if (*left > kRenewBefore || !std::get<plan::Credential>(read).renewable || tried || waited > kPatience) {
      if (usable) return {.usable = true};
      return {.problem = "your login has run out" +
                         (failure.empty() ? " and could not be renewed" : ": " + failure)};
    }
    if (waited > kBeforeAWord && !said) {
      waiting();
      said = true;
    }
    try {
      auto renewal = Renewal::start(login);
      if (!renewal) {  // somebody else's
        ::poll(nullptr, 0, 100);
        continue;
      }
      pollfd ended{.fd = renewal->descriptor(), .events = POLLIN, .revents = 0};
      if (::poll(&ended, 1, static_cast<int>(kBeforeAWord.count())) == 0) {
        if (!said) waiting();
        said = true;
        ::poll(&ended, 1, static_cast<int>(kPatience.count()));
      }
      if (ended.revents != 0) renewal->wait();
    } catch (const base::Error& error) {
      failure = error.message();
    }
    tried = true;
  }
}

}  // namespace claudebox::runtime
