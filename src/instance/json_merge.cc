#include "instance/json_merge.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace claudebox::instance {
namespace {

using Json = nlohmann::ordered_json;  // the file keeps its order, for people who compare

/// What a box wrote could be made to hang or crash the next start: printing nested values recurses, and each
/// new key of an ordered object is compared with all before it. Real files stay far below both.
constexpr std::size_t kMaxDepth = 200;
constexpr std::size_t kMaxKeys = 10'000;

bool has_reasonable_shape(const std::string& text) {
  std::vector<std::size_t> keys;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      keys.push_back(0);
      if (keys.size() > kMaxDepth) return false;
    } else if ((c == '}' || c == ']') && !keys.empty()) {
      keys.pop_back();
    } else if (c == ':' && !keys.empty() && ++keys.back() > kMaxKeys) {
      return false;
    }
  }
  return true;
}

/// `winner` decides where both have a value that is no object.
enum class Winner { file, layer };

/// Whether that changed the file.
bool merge(Json& file, const Json& layer, Winner winner) {
  bool changed = false;
  for (const auto& [key, value] : layer.items()) {
    const auto found = file.find(key);
    if (found == file.end()) {
      file[key] = value;
      changed = true;
    } else if (found->is_object() && value.is_object()) {
      changed |= merge(*found, value, winner);
    } else if (winner == Winner::layer && *found != value) {
      *found = value;
      changed = true;
    }
  }
  return changed;
}

}  // namespace

Merged merge_json(const std::optional<std::string>& existing,
                  const std::vector<const plan::StateFile*>& layers) {
  Merged merged;
  Json file = Json::object();
  const bool empty = !existing || base::trim(*existing).empty();
  if (!empty) {
    Json parsed = has_reasonable_shape(*existing) ? Json::parse(*existing, nullptr, false) : Json();
    merged.broken = !parsed.is_object();
    if (!merged.broken) file = std::move(parsed);
  }
  merged.changed = empty || merged.broken;
  for (const auto* layer : layers) {
    const Json content = Json::parse(layer->content, nullptr, false);
    if (!content.is_object())
      throw base::Error("the plan's content for " + layer->path + " is not a JSON object",
                        "this is a mistake in claudebox: please report it");
    merged.changed |=
        merge(file, content,
              layer->policy == plan::StateFile::Policy::json_override ? Winner::layer : Winner::file);
  }
  if (merged.changed) merged.text = file.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  return merged;
}

}  // namespace claudebox::instance
