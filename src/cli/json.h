// Records for programs, documented in docs/json.md. Each is one line at top level and only gains fields.
#pragma once

#include <string>
#include <vector>

#include "cli/check.h"
#include "instance/registry.h"

namespace claudebox::cli {

std::string check_json(const std::vector<Part>& parts);
std::string instances_json(const std::vector<instance::Record>& records);
std::string instance_json(const instance::Record& record, const std::vector<instance::Holder>& holders,
                          std::uint64_t bytes);

}  // namespace claudebox::cli
