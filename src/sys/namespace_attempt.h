// Can this process make the namespaces that a box needs? Tried, since no list of settings is ever complete.
#pragma once

namespace claudebox::sys {

/// Where the attempt failed first.
enum class NamespaceStep {
  none,            ///< it did not fail
  process,         ///< no child process
  user_namespace,  ///< unshare(CLONE_NEWUSER)
  id_map,          ///< writing setgroups, uid_map or gid_map
  namespaces,      ///< the other namespaces: mount, pid, network, ipc, uts, cgroup
  loopback,        ///< bringing up the interface of the own network
  mount,           ///< changing a mount of the own mount namespace
  proc,            ///< mounting a /proc for the own pid namespace
  nested,          ///< one more user namespace below: bwrap makes it
};

struct NamespaceAttempt {
  NamespaceStep failed = NamespaceStep::none;
  int error = 0;  ///< errno

  bool succeeded() const { return failed == NamespaceStep::none; }
  bool operator==(const NamespaceAttempt&) const = default;
};

/// Makes them in a child that ends at once. Nothing of this process changes. The process must have one thread.
NamespaceAttempt attempt_namespaces();

}  // namespace claudebox::sys
