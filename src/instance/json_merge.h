// Our keys into a JSON file that the box wrote. Text in, text out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace claudebox::instance {

struct Merged {
  std::string text{};   ///< the new content
  bool changed = true;  ///< whether it says something else than the file did
  bool broken = false;  ///< the file was no JSON object (of reasonable shape), so the text starts afresh
};

/// Applies the layers (json_defaults, json_override) in order to the content of a file; an empty file counts
/// as an empty object. Throws where a layer is no JSON object, which would be a mistake of the plan.
Merged merge_json(const std::optional<std::string>& existing,
                  const std::vector<const plan::StateFile*>& layers);

}  // namespace claudebox::instance
