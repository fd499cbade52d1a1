// Repositories on a fake host, and what tests ask of their protection.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include "fake_host.h"
#include "plan/git.h"

namespace claudebox::plan {

using claudebox::testing::FakeHost;

inline const std::string kProject = "/home/dev/app";
inline const std::string kGit = kProject + "/.git";

inline void add_git_directory(FakeHost& host, const std::string& path, const std::string& config = "") {
  host.file(path + "/HEAD", "ref: refs/heads/main\n").directory(path + "/objects").directory(path + "/refs");
  host.file(path + "/config", config).directory(path + "/hooks");
}

inline FakeHost repository(const std::string& config = "[core]\n\tbare = false\n") {
  FakeHost host;
  add_git_directory(host, kGit, config);
  return host;
}

/// COMMON/worktrees/ID for the work tree at `tree`.
inline void add_linked(FakeHost& host, const std::string& common, const std::string& id,
                       const std::string& tree) {
  const std::string own = common + "/worktrees/" + id;
  host.file(own + "/HEAD", "ref: refs/heads/x\n").file(own + "/commondir", "../..\n");
  host.file(own + "/gitdir", tree + "/.git\n").file(tree + "/.git", "gitdir: " + own + "\n");
}

inline Plan protect(const FakeHost& host, const std::string& project = kProject,
                    const ::testing::Matcher<std::string>& said = "") {
  Plan plan;
  plan.user_home = "/home/dev";
  plan.project = {.root = project, .directory = project, .canonical_root = project, .origin = {}};
  std::string problem;
  const auto found = find_repository(host, project, problem);
  EXPECT_THAT(problem, said);
  plan_repository(host, found, plan);
  plan_project_protection(host, plan);
  return plan;
}

inline bool has_mount(const Plan& plan, Mount::Kind kind, const std::string& path) {
  return std::any_of(plan.mounts.begin(), plan.mounts.end(), [&](const Mount& mount) {
    return mount.kind == kind && mount.target == path && mount.source == path;
  });
}
inline bool is_covered(const Plan& plan, const std::string& path) {
  return has_mount(plan, Mount::Kind::read_only, path);
}
inline bool is_pinned(const Plan& plan, const std::string& path) {
  return has_mount(plan, Mount::Kind::writable, path);
}
inline bool is_watched(const Plan& plan, const std::string& path, Watch::Response response) {
  return std::any_of(plan.watches.begin(), plan.watches.end(), [&](const Watch& watch) {
    return watch.directory + "/" + watch.name == path && watch.response == response;
  });
}
inline const Stub* stub_at(const Plan& plan, const std::string& path) {
  const auto found =
      std::find_if(plan.stubs.begin(), plan.stubs.end(), [&](const Stub& stub) { return stub.path == path; });
  return found == plan.stubs.end() ? nullptr : &*found;
}

}  // namespace claudebox::plan
