// Records for programs, documented in docs/json.md. Each is one line at top level and only gains fields.
#pragma once

#include <string>
#include <vector>

#include "cli/check.h"
#include "instance/registry.h"
#include "profile/load.h"
#include "profile/project.h"
#include "render/log.h"
#include "report/session.h"

namespace claudebox::cli {

std::string check_json(const std::vector<Part>& parts);
std::string instances_json(const std::vector<instance::Record>& records);
std::string instance_json(const instance::Record& record, const std::vector<instance::Holder>& holders,
                          std::uint64_t bytes);

struct ListedProfile {
  std::string name{};
  std::string path{};
  std::string about{};  ///< what its first line says of it
};
std::string profiles_json(const std::vector<ListedProfile>& profiles);
std::string profile_json(const std::string& name, const profile::Settings& settings);
std::string trust_json(const std::string& path, bool approved, const profile::Judged& judged);

/// `instance` is the id of the instance that the session belongs to.
std::string session_json(const std::string& instance, const report::Session& session,
                         const render::LogDigest& digest);
/// Of --follow: one line each.
std::string session_start_json(const std::string& instance, const report::Session& session);
std::string session_event_json(const report::NetworkEvent& event);
std::string session_end_json(const report::Session& session);

}  // namespace claudebox::cli
