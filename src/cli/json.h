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

/// A package that has been resolved.
struct PackageLine {
  std::string name{}, kind{}, locked{};
  std::vector<std::string> outputs{};
  std::size_t closure = 0;  ///< paths
  std::int64_t resolved_at = 0;
  std::string directory{};  ///< of its record
};
std::string packages_json(const std::vector<PackageLine>& packages);

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
/// What `claudebox trust` asks about.
struct TrustLine {
  std::string path{};
  bool flake = false;
  bool approved = false;
  std::vector<std::string> changed{};  ///< files of a flake, since it was approved
};
/// `judged` is of the project's own file; null where it has none.
std::string trust_json(const std::vector<TrustLine>& lines, const profile::Judged* judged);

/// `instance` is the id of the instance that the session belongs to.
std::string session_json(const std::string& instance, const report::Session& session,
                         const render::LogDigest& digest);
/// Of --follow: one line each.
std::string session_start_json(const std::string& instance, const report::Session& session);
std::string session_event_json(const report::NetworkEvent& event);
std::string session_end_json(const report::Session& session);

}  // namespace claudebox::cli
