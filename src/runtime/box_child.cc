// Theory of operation
//
// Why namespaces of our own around bwrap's:
//  - The outer pid namespace makes a kill -9 leak-free. bwrap's --die-with-parent alone leaves boxes behind
//  when its
//    parent dies in the first milliseconds (bubblewrap issues 633 and 700). Here the child asks for SIGKILL
//    at its parent's death and then checks that the parent still lives; when this child dies, the kernel
//    kills everything else in its pid namespace.
//  - The outer network namespace belongs to the outer user namespace, which nothing in the box is privileged
//  in: bwrap
//    makes another user namespace below it, so no process of the box can change an interface or a route.
//  - The outer mount namespace is where the box's root is prepared, see runtime/box_root.
//  - The outer user namespace maps the user to uid 0, which devpts needs. bwrap runs in another one below it that maps
//    him back: no part of bwrap has a capability over the outer namespaces.
//
// Order, and why:
//  1 Tied to the parent first, see sys/child_process.
//  2 Into the box's cgroup, before anything that it should hold; by a descriptor that was opened outside. The resource
//    limits come late: RLIMIT_NPROC counts in the user namespace that the process is in by then.
//  3 setgroups "deny" before gid_map: the kernel wants it so for an unprivileged map (user_namespaces(7)).
//  4 The cover over bwrap, the network, and the root, while this process still has capabilities over its new
//    namespaces; then the user namespace for bwrap, which ends that. The root comes last: it hides /dev.
//  5 Landlock last: it also sets no_new_privs.
//
// Everything after the clone follows C rules: the child is a copy of a process that may have held locks.
#include "runtime/box_child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "sys/landlock.h"

namespace claudebox::runtime {
namespace {

/// Where the child failed; travels with errno over a pipe.
enum class Step : int {
  parent,
  cgroup,
  setgroups,
  uid_map,
  gid_map,
  program,
  root,
  network,
  user,
  landlock,
  limits,
  descriptors,
  exec
};

struct Failure {
  Step step;
  int error;
  NetworkStep network = NetworkStep::none;
  RootResult root{};
};

bool write_file(const char* path, const char* text) noexcept {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const auto length = ::strlen(text);
  const bool ok = ::write(file, text, length) == static_cast<ssize_t>(length);
  const int saved = errno;
  ::close(file);
  errno = saved;
  return ok;
}

/// A read-only mount of bwrap on itself, in the outer mount namespace. The box's first process is bwrap, so
/// /proc/1/exe leads its owner in the box to the host's very file, on the host's writable mount: root, or whoever
/// has a bwrap of his own, could chmod it (and give it a set-user-ID bit). By path and not by descriptor, so that
/// an AppArmor profile still finds the program.
bool cover_program(const char* program) noexcept {
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  return ::mount(program, program, nullptr, MS_BIND, nullptr) == 0 &&
         ::mount_setattr(AT_FDCWD, program, 0, &read_only, sizeof read_only) == 0;
}

/// cgroups(7): 0 stands for whoever writes it.
bool enter_cgroup(int processes) noexcept {
  return ::write(processes, "0", 1) == 1;
}

bool set_limit(const ResourceLimit& limit) noexcept {
  rlimit now{};
  if (::getrlimit(limit.resource, &now) < 0) return false;
  const rlim_t amount = limit.amount < now.rlim_max ? limit.amount : now.rlim_max;
  now.rlim_max = amount;  // an unprivileged process can't raise it again
  now.rlim_cur = amount;
  return ::setrlimit(limit.resource, &now) == 0;
}

[[noreturn]] void fail(int error_pipe, Step step, NetworkStep network = NetworkStep::none,
                       RootResult root = {}) noexcept {
  const Failure failure{step, errno, network, root};
  [[maybe_unused]] const auto ignored = ::write(error_pipe, &failure, sizeof failure);
  ::_exit(125);
}

/// Should: run right after the clone. Mustn't: allocate, throw, return. After this: the process is bwrap or
/// gone.
[[noreturn]] void become_bwrap(const BoxChildSpec& spec, const BoxRootSpec& root, int alive,
                               int error_pipe) noexcept {
  if (!sys::tie_to_parent(alive)) fail(error_pipe, Step::parent);

  if (spec.cgroup >= 0 && !enter_cgroup(spec.cgroup)) fail(error_pipe, Step::cgroup);
  if (!write_file("/proc/self/setgroups", "deny")) fail(error_pipe, Step::setgroups);
  if (!write_file("/proc/self/uid_map", spec.outer_uid_map)) fail(error_pipe, Step::uid_map);
  if (!write_file("/proc/self/gid_map", spec.outer_gid_map)) fail(error_pipe, Step::gid_map);
  if (!cover_program(spec.program)) fail(error_pipe, Step::program);
  if (spec.network)
    if (const auto step = set_up_box_network(*spec.network); step != NetworkStep::none)
      fail(error_pipe, Step::network, step);
  if (const auto done = set_up_box_root(root); done.part != RootPart::done)
    fail(error_pipe, Step::root, NetworkStep::none, done);
  if (::unshare(CLONE_NEWUSER) < 0 || !write_file("/proc/self/uid_map", spec.uid_map) ||
      !write_file("/proc/self/gid_map", spec.gid_map))
    fail(error_pipe, Step::user);
  if (spec.scope_abstract_sockets && !sys::scope_abstract_sockets()) fail(error_pipe, Step::landlock);

  if (spec.standard_output >= 0 && ::dup2(spec.standard_output, 1) < 0) fail(error_pipe, Step::descriptors);
  if (spec.standard_error >= 0 && ::dup2(spec.standard_error, 2) < 0) fail(error_pipe, Step::descriptors);
  // Whatever the caller left open by mistake stays outside, too.
  if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) < 0) fail(error_pipe, Step::descriptors);
  for (std::size_t i = 0; i < spec.inherited_count; ++i)
    if (::fcntl(spec.inherited[i], F_SETFD, 0) < 0) fail(error_pipe, Step::descriptors);
  for (std::size_t i = 0; i < spec.limit_count; ++i)
    if (!set_limit(spec.limits[i])) fail(error_pipe, Step::limits);
  ::sigaction(SIGPIPE, spec.pipe_action, nullptr);
  ::sigprocmask(SIG_SETMASK, spec.signal_mask, nullptr);
  char* const no_environment[] = {
      nullptr};  // bwrap's first process shows its own in the box as /proc/1/environ
  ::execve(spec.program, spec.arguments, no_environment);
  fail(error_pipe, Step::exec);
}

[[noreturn]] void throw_clone_error(int error) {
  if (error == ENOSPC || error == EUSERS)
    throw base::Error(
        "can't make a user namespace: the limit is reached or this is too deep inside other sandboxes",
        "claudebox check says which limit; sysctl user.max_user_namespaces raises it");
  if (error == EPERM || error == EACCES || error == EINVAL)
    throw base::Error("can't make a user namespace: " + base::errno_text(error),
                      "claudebox check says whether the kernel or AppArmor forbids it, and what to do");
  base::throw_system_error(error, "can't start the box", "claudebox check looks for the cause");
}

[[noreturn]] void throw_no_bwrap(const char* program) {
  throw base::Error(std::string("bubblewrap is not installed: no ") + program,
                    "install it: sudo apt-get install bubblewrap");
}

[[noreturn]] void throw_network_error(NetworkStep step, int error) {
  const char* other_tiers = "\n--network offline works without it, --network full shares the host's network";
  switch (step) {
    case NetworkStep::tun_open:
      if (error == EACCES || error == EPERM)
        base::throw_system_error(
            error, "can't open /dev/net/tun",
            std::string("sudo chmod 0666 /dev/net/tun opens it, as udev does elsewhere") + other_tiers);
      base::throw_system_error(error, "can't open /dev/net/tun",
                               std::string("sudo modprobe tun loads the kernel's part") + other_tiers);
    case NetworkStep::tun_make:
      base::throw_system_error(error, "can't make the box's network device",
                               "claudebox check looks for the cause");
    case NetworkStep::loopback:
      base::throw_system_error(error, "can't bring up the box's own loopback interface");
    case NetworkStep::configure:
      base::throw_system_error(error, "can't set up the box's addresses and routes");
    case NetworkStep::resolver:
      base::throw_system_error(error, "can't open the box's name server");
    case NetworkStep::reach:
      base::throw_system_error(error, "can't listen in the box on a port of --reach");
    case NetworkStep::hand_over:
    case NetworkStep::none:
      break;
  }
  base::throw_system_error(error, "can't hand over the box's network");
}

[[noreturn]] void throw_child_error(const Failure& failure, const BoxChildSpec& spec) {
  const char* program = spec.program;
  switch (failure.step) {
    case Step::parent:
      base::throw_system_error(failure.error, "can't tie the box to this process");
    case Step::cgroup:
      base::throw_system_error(failure.error, "can't put the box into its cgroup",
                               "without its limits it starts: --limit NAME=none lifts one");
    case Step::setgroups:
    case Step::uid_map:
    case Step::gid_map:
    case Step::user:
      base::throw_system_error(failure.error, "can't set up the box's user namespace",
                               "on Ubuntu 24.04 and later AppArmor forbids it to programs without a profile: "
                               "claudebox check names the command that installs it");
    case Step::program:
      if (failure.error == ENOENT) throw_no_bwrap(program);
      base::throw_system_error(failure.error,
                               std::string("can't cover ") + program + " with a read-only mount of itself",
                               "it takes Linux 5.12 or later: claudebox check looks for the cause");
    case Step::root:
      spec.root->throw_failure(failure.root, failure.error);
    case Step::network:
      throw_network_error(failure.network, failure.error);
    case Step::landlock:
      base::throw_system_error(failure.error, "can't keep abstract sockets away with Landlock");
    case Step::limits:
      base::throw_system_error(failure.error, "can't set the box's resource limits",
                               "--limit NAME=none lifts one");
    case Step::descriptors:
      base::throw_system_error(failure.error, "can't hand descriptors to bwrap");
    case Step::exec:
      if (failure.error == ENOENT) throw_no_bwrap(program);
      base::throw_system_error(failure.error, std::string("can't execute ") + program,
                               "claudebox check looks for the cause");
  }
  throw base::Error("the box failed in an unknown way");
}

}  // namespace

BoxChild start_box_child(const BoxChildSpec& spec) {
  sys::UniqueFd alive = sys::make_life_lock();
  sys::Pipe error = sys::make_pipe();
  BoxRootSpec root = spec.root->spec();
  root.login = spec.login;
  unsigned long flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS;
  if (spec.network) flags |= CLONE_NEWNET;
  BoxChild child{sys::clone_child(flags), {}};
  if (child.pid == 0) become_bwrap(spec, root, alive.get(), error.write.get());
  if (child.pid < 0) throw_clone_error(-child.pid);

  child.alive = std::move(alive);
  error.write.reset();
  Failure failure{};
  ssize_t got = 0;
  do {
    got = ::read(error.read.get(), &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  if (got != 0) {
    if (got != sizeof failure) throw base::Error("the box ended before it could start");
    throw_child_error(failure, spec);
  }
  return child;
}

}  // namespace claudebox::runtime
