// What the probe has to know of the host in order to look for it.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"
#include "sys/host_view.h"

namespace claudebox::selftest {

/// The probe's arguments "KEY=VALUE" about files, variables, namespaces and protected paths. What the plan grants
/// is left out: finding that is no breach. Files are named by device and inode, too, so that the box's own file
/// at the same path is not mistaken for the host's.
std::vector<std::string> host_facts(const plan::Plan& plan, const sys::HostView& host);

/// "process=START:NAME" and "pid=N" for this process and its ancestors, from /proc.
std::vector<std::string> process_facts(const sys::HostView& host, int pid);

}  // namespace claudebox::selftest
