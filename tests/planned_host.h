// A host to plan on, and what tests ask of the plan.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include "fake_host.h"
#include "plan/build.h"

namespace claudebox::plan {

using claudebox::testing::FakeHost;

/// A Debian host with a project that is not in git.
inline FakeHost debian() {
  FakeHost host;
  host.directory("/usr/bin").directory("/usr/lib").program("/usr/bin/bwrap").program("/usr/bin/bash");
  host.program("/usr/bin/true").symlink("/bin", "usr/bin").symlink("/lib", "usr/lib");
  host.file("/etc/hosts", "127.0.0.1 localhost\n10.1.1.1 intern\n")
      .file("/etc/resolv.conf", "nameserver 10.1.1.1\n");
  host.set("PATH", "/usr/bin:/bin").set("HOME", "/home/dev").at("/home/dev/src/app");
  return host;
}

inline Request run_true(Tier tier = Tier::offline) {
  Request request;
  request.action = Action::command;
  request.arguments = {"true"};
  request.network.value = tier;
  return request;
}

inline Plan must_plan(const FakeHost& host, const Request& request = run_true()) {
  base::Diagnostics problems;
  auto plan = build(request, host, problems);
  for (const auto& problem : problems.items()) ADD_FAILURE() << problem.message;
  return plan.value_or(Plan{});
}

inline base::Diagnostic must_refuse(const FakeHost& host, const Request& request = run_true()) {
  base::Diagnostics problems;
  EXPECT_FALSE(build(request, host, problems).has_value());
  return problems.empty() ? base::Diagnostic{} : problems.items().front();
}

inline const Mount* mount_on(const Plan& plan, const std::string& target) {
  const auto found = std::find_if(plan.mounts.begin(), plan.mounts.end(),
                                  [&](const Mount& mount) { return mount.target == target; });
  return found == plan.mounts.end() ? nullptr : &*found;
}

inline std::string value_of(const Plan& plan, const std::string& name) {
  for (const auto& variable : plan.env)
    if (variable.name == name) return variable.value;
  return "(unset)";
}

}  // namespace claudebox::plan
