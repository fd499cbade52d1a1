// The child that owns the outer namespaces and becomes bwrap.
#pragma once

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "runtime/box_network.h"
#include "runtime/root_steps.h"
#include "sys/child_process.h"
#include "sys/fd.h"

namespace claudebox::runtime {

/// setrlimit(2), for all that comes of the child.
struct ResourceLimit {
  __rlimit_resource_t resource = RLIMIT_NOFILE;
  rlim_t amount = 0;  ///< hard and soft; where the hard limit is lower already, that stays
};

/// Everything the child needs, prepared before the clone: the child allocates nothing, throws nothing, logs
/// nothing. All pointers belong to the caller and must live until the child has called exec.
struct BoxChildSpec {
  const char* program = nullptr;     ///< bwrap, absolute
  char* const* arguments = nullptr;  ///< ends with a null pointer
  const char* outer_uid_map =
      nullptr;  ///< text for /proc/self/uid_map, user_namespaces(7): the user is uid 0 there
  const char* outer_gid_map = nullptr;
  const char* uid_map = nullptr;  ///< of the namespace below it, which bwrap starts in: the user again
  const char* gid_map = nullptr;
  const int* inherited = nullptr;  ///< descriptors that bwrap gets; every other one is close-on-exec
  std::size_t inherited_count = 0;
  const sigset_t* signal_mask = nullptr;          ///< the mask that the command starts with
  const struct sigaction* pipe_action = nullptr;  ///< what SIGPIPE does in it
  int standard_output = -1;                       ///< takes the place of descriptor 1 where it is not -1
  int standard_error = -1;                        ///< the same for descriptor 2
  const BoxNetworkSpec* network = nullptr;        ///< a network namespace of its own; none: the host's
  const RootSteps* root = nullptr;
  const LoginMemorySpec* login = nullptr;  ///< the box's login in memory; none: it has no such thing
  int cgroup = -1;                         ///< cgroup.procs of the box's cgroup; -1: the parent's
  const ResourceLimit* limits = nullptr;
  std::size_t limit_count = 0;
  bool scope_abstract_sockets = false;
};

/// A box that runs: the process is pid 1 of the outer pid namespace.
struct BoxChild : sys::ChildProcess {
  sys::UniqueFd alive;  ///< its supervisor's life lock
};

/// Makes the outer user, mount, pid and (by tier) network namespaces, sets them up and executes bwrap there.
/// Returns when bwrap has been executed. Throws base::Error with a hint where any step fails; nothing is left
/// then.
BoxChild start_box_child(const BoxChildSpec& spec);

}  // namespace claudebox::runtime
