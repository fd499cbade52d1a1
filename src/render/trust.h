// What a person decides about when a project's file asks for more.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "render/audit.h"

namespace claudebox::render {

struct TrustQuestion {
  std::string path{};
  std::string text{};
  std::optional<std::string> before{};  ///< what was approved last at this path
  std::vector<std::string> widening{};  ///< each value that adds something
};

/// The file's whole text, or what changed since it was approved, and what in it adds something.
std::string trust_question(const TrustQuestion& question, const Style& style);

}  // namespace claudebox::render
