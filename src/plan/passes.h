// The passes of planning, in the order in which build.cc runs them. Each reads the host, adds to the plan,
// and reports what the user got wrong. Internal to this folder.
#pragma once

#include <optional>
#include <string>

#include "base/diagnostics.h"
#include "plan/git.h"
#include "plan/plan.h"
#include "plan/request.h"
#include "sys/host_view.h"

namespace claudebox::plan {

/// A plan that knows whose it is, and nothing else yet.
Plan plan_of_user(const sys::HostView& host);

/// A path as typed: a leading ~ is the user's home, and a relative one starts at the current directory.
std::string expand_path(const sys::HostView& host, const std::string& typed);

/// BOX-2: which directory the box may write. Also finds the repository around it.
std::optional<Repository> plan_project(const Request& request, const sys::HostView& host, Plan& plan,
                                       base::Diagnostics& problems);

/// INST-1, INST-3: which instance the project has.
void plan_instance(const Request& request, const sys::HostView& host, Plan& plan,
                   base::Diagnostics& problems);

/// NET-1 to NET-4, NET-9, NET-11: whether what is opened means something in the tier, and may be opened at all. Looks at
/// the request alone.
void check_network(const Request& request, base::Diagnostics& problems);

/// The tier, with what it opens and the programs that it needs, and what can't be had of it here.
void plan_network(const Request& request, const sys::HostView& host, Plan& plan, base::Diagnostics& problems);

/// /etc/resolv.conf of a box with a network of its own.
std::string resolver_file(const sys::HostView& host, const Plan& plan);

/// BOX-1, BOX-3: /usr and its links, /dev, /proc, /tmp and the like.
void plan_system(const sys::HostView& host, Plan& plan);

/// BOX-3: the chosen part of /etc, with generated passwd, group, hosts, machine-id.
void plan_etc(const sys::HostView& host, Plan& plan);

/// BOX-4: the box's home, and the tool directories of the caller's PATH.
void plan_home(const sys::HostView& host, Plan& plan);

/// NET-4: the Nix daemon's socket and store, where they may be granted.
void plan_nix_daemon(const Request& request, const sys::HostView& host, Plan& plan,
                     base::Diagnostics& problems);

/// Whether a mount of `source` would bring the daemon's socket into the box by the side door. Not so for "/", which brings
/// everything and is said to.
bool leads_to_nix_daemon(const std::string& source);

/// What the user asked for with --mount.
void plan_extra_mounts(const Request& request, const sys::HostView& host, Plan& plan,
                       base::Diagnostics& problems);

/// Orders the mounts so that parents come first, with one mount a target, and checks that each has a place.
void arrange_mounts(const sys::HostView& host, Plan& plan, base::Diagnostics& problems);

/// BOX-5: the environment. Needs the mounts in order, since PATH names only what is there.
void plan_env(const Request& request, const sys::HostView& host, Plan& plan, base::Diagnostics& problems);

/// Proxies that the environment names: what would open the way to them, and what an open way means. Needs the
/// environment and the network.
void plan_proxy_notes(Plan& plan);

/// What is executed, by its absolute path in the box.
void plan_command(const Request& request, const sys::HostView& host, Plan& plan, base::Diagnostics& problems);

/// The first program of that name on the caller's PATH, else in /usr/bin or /usr/local/bin. Entries that are not absolute
/// ("." or empty) are left out: they would run a file of the project's.
std::optional<std::string> find_program(const sys::HostView& host, const std::string& name);

/// What a person should know: tier, uid 0, abstract sockets.
void plan_notes(const sys::HostView& host, Plan& plan);

}  // namespace claudebox::plan
