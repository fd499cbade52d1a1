// The state of one agent on a host made of values, and what tests ask of it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fake_host.h"
#include "plan/agent.h"

namespace claudebox::plan {

class OtherAgent : public ::testing::Test {
 protected:
  explicit OtherAgent(const std::string& name) {
    plan.agent = name;
    plan.uid = host.identity_.uid;
    plan.user_home = "/home/dev";
    plan.project = {.root = "/home/dev/p", .directory = "/home/dev/p", .canonical_root = "/home/dev/main"};
    plan.instance.home = "/home/dev/.claudebox/instances/0123456789abcdef/home";
  }

  void run() { plan_agent_state(host, agent_of(plan), plan); }

  /// Where the user's own configuration is in the box.
  std::vector<std::string> shown() const {
    std::vector<std::string> targets;
    for (const auto& mount : plan.mounts)
      if (mount.kind == Mount::Kind::read_only) targets.push_back(mount.target);
    return targets;
  }
  std::string content(const std::string& target) const {
    for (const auto& mount : plan.mounts)
      if (mount.target == target) return mount.content;
    return "(no mount)";
  }
  std::string variable(const std::string& name) const {
    for (const auto& candidate : plan.env)
      if (candidate.name == name) return candidate.value;
    return "(unset)";
  }
  /// What is written to a file of the instance: the later text over the earlier.
  nlohmann::json state(const std::string& name, StateFile::Policy policy) const {
    nlohmann::json merged;
    for (const auto& file : plan.state)
      if (file.path == plan.instance.home + "/" + name && file.policy == policy)
        merged.merge_patch(nlohmann::json::parse(file.content));
    return merged;
  }
  std::string notes() const {
    std::string text;
    for (const auto& note : plan.notes) text += note.text + "\n";
    return text;
  }

  claudebox::testing::FakeHost host;
  Plan plan;
};

}  // namespace claudebox::plan
