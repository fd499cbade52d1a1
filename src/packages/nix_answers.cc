#include "packages/nix_answers.h"

#include <nlohmann/json.hpp>

namespace claudebox::packages {

std::string locked_reference(std::string_view json) {
  const auto file = nlohmann::json::parse(json, nullptr, false);
  if (!file.is_object()) return {};
  const auto url = file.find("url");
  return url != file.end() && url->is_string() ? url->get<std::string>() : std::string();
}

}  // namespace claudebox::packages
