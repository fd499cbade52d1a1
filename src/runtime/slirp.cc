// Theory of operation
//
// slirp4netns speaks Ethernet frames over a SEQPACKET socket (`--target-type=bess`, since 1.0), so the gateway stands
// between the box and it. It runs with its own sandbox and seccomp filter on, and around these in namespaces of ours:
//   pid    In this mode it forks a child that waits in accept(2), and neither PDEATHSIG nor --exit-fd ends that one.
//          With pid 1 of the namespace everything in it dies.
//   mount  The socket lies in a tmpfs that only this namespace has: no path on the host, nothing to clean up. An empty
//          one on /run and /etc: its sandbox would bind both into its own root, with the sockets of D-Bus and Docker.
//   user   It must see itself as uid 0: else --enable-sandbox tries to enter the user namespace of a target process,
//          and in this mode there is none.
// It is in a session of its own: Ctrl-C and Ctrl-Z of the terminal are the command's, not its.
#include "runtime/slirp.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "runtime/inner_command.h"

namespace claudebox::runtime {
namespace {

constexpr const char* kSocket = "s";

struct ChildSpec {
  const char* program = nullptr;
  char* const* arguments = nullptr;
  std::array<char, 32> uid_map{};
  std::array<char, 32> gid_map{};
  int ready = -1;
  int exit = -1;
  int output = -1;
};

bool write_file(const char* path, const char* text) noexcept {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const auto length = std::strlen(text);
  const bool ok = ::write(file, text, length) == static_cast<ssize_t>(length);
  const int saved = errno;
  ::close(file);
  errno = saved;
  return ok;
}

bool mount_empty(const char* target) noexcept {
  return ::mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                 "mode=700,size=64k,nr_inodes=16") == 0;
}

bool make_file_systems() noexcept {
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0 && mount_empty("/tmp") &&
         ::chdir("/tmp") == 0 && mount_empty("/run") && mount_empty("/etc");
}

bool hand_over_descriptors(const ChildSpec& spec) noexcept {
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(spec.output, 1) < 0 || ::dup2(spec.output, 2) < 0)
    return false;
  if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) < 0) return false;
  return ::fcntl(spec.ready, F_SETFD, 0) == 0 && ::fcntl(spec.exit, F_SETFD, 0) == 0;
}

/// Should: run right after the clone. Mustn't: allocate, throw, return.
[[noreturn]] void become_slirp(const ChildSpec& spec, int alive, int error) noexcept {
  if (sys::tie_to_parent(alive) && ::setsid() >= 0 && write_file("/proc/self/setgroups", "deny") &&
      write_file("/proc/self/uid_map", spec.uid_map.data()) &&
      write_file("/proc/self/gid_map", spec.gid_map.data()) && make_file_systems() &&
      hand_over_descriptors(spec)) {
    char* const no_environment[] = {nullptr};
    ::execve(spec.program, spec.arguments, no_environment);
  }
  const int failure = errno;
  [[maybe_unused]] const auto ignored = ::write(error, &failure, sizeof failure);
  ::_exit(125);
}

void set_non_blocking(int descriptor) {
  ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
}

std::vector<std::string> command_line(const plan::Network& network, int ready, int exit) {
  return {network.slirp,
          "--target-type=bess",
          "--enable-sandbox",
          "--enable-seccomp",
          "--ready-fd=" + std::to_string(ready),
          "--exit-fd=" + std::to_string(exit),
          "--mtu=65520",
          "--cidr=" + network.slirp_network,
          "--disable-host-loopback",
          "--disable-dns",
          "--enable-ipv6",
          kSocket};
}

}  // namespace

Slirp::Slirp(const plan::Network& network) : alive_(sys::make_life_lock()) {
  sys::Pipe error = sys::make_pipe();
  sys::Pipe ready = sys::make_pipe();
  sys::Pipe exit = sys::make_pipe();
  output_ = sys::make_memory_file("claudebox-slirp4netns-output", "");
  set_non_blocking(error.read.get());
  set_non_blocking(ready.read.get());

  auto words = command_line(network, ready.write.get(), exit.read.get());
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ChildSpec spec{.program = network.slirp.c_str(),
                 .arguments = arguments.data(),
                 .ready = ready.write.get(),
                 .exit = exit.read.get(),
                 .output = output_.get()};
  std::snprintf(spec.uid_map.data(), spec.uid_map.size(), "0 %u 1", ::getuid());
  std::snprintf(spec.gid_map.data(), spec.gid_map.size(), "0 %u 1", ::getgid());

  process_ = sys::clone_child(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID);
  if (process_.pid == 0) become_slirp(spec, alive_.get(), error.write.get());
  if (process_.pid < 0)
    base::throw_system_error(-process_.pid, "can't start slirp4netns", "claudebox check looks for the cause");
  exit_ = std::move(exit.write);
  error_ = std::move(error.read);
  ready_ = std::move(ready.read);
}

void Slirp::stop() noexcept {
  send_signal(process_.pidfd, SIGKILL);
}

bool Slirp::executed() {
  if (!error_) return true;
  int failure = 0;
  const ssize_t got = ::read(error_.get(), &failure, sizeof failure);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got != 0)
    base::throw_system_error(got == sizeof failure ? failure : errno, "can't execute slirp4netns",
                             "claudebox check looks for the cause");
  error_.reset();
  return true;
}

std::optional<sys::UniqueFd> Slirp::try_connect() {
  if (!executed()) return std::nullopt;
  if (!directory_) {
    const std::string path = "/proc/" + std::to_string(process_.pid) + "/cwd";
    directory_.reset(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!directory_) base::throw_system_error(errno, "can't find the socket of slirp4netns");
  }
  sys::UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) base::throw_system_error(errno, "can't make a socket");
  // The larger, the fewer times the two wait for each other; the kernel cuts it to net.core.wmem_max.
  const int size = 1 << 20;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  std::snprintf(where.sun_path, sizeof where.sun_path, "/proc/self/fd/%d/%s", directory_.get(), kSocket);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0) return socket;
  if (errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN) return std::nullopt;
  base::throw_system_error(errno, "can't connect to slirp4netns");
}

bool Slirp::read_ready() const {
  char byte = 0;
  return ::read(ready_.get(), &byte, 1) == 1;
}

std::string Slirp::output() const {
  std::string text(2048, '\0');
  const ssize_t got = ::pread(output_.get(), text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

}  // namespace claudebox::runtime
