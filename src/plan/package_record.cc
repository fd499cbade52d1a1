#include "plan/package_record.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace claudebox::plan {
namespace {

using Json = nlohmann::ordered_json;
using Map = std::map<std::string, std::string>;
using List = std::vector<std::string>;

constexpr int kSchema = 1;
constexpr std::string_view kStore = "/nix/store/";
constexpr std::size_t kDigest = 32;

}  // namespace

bool is_store_path(std::string_view path) {
  if (!path.starts_with(kStore)) return false;
  const std::string_view name = path.substr(kStore.size());
  const auto digest = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const auto plain = [&](char c) {
    return digest(c) || (c >= 'A' && c <= 'Z') ||
           std::string_view("+-._?=").find(c) != std::string_view::npos;
  };
  return name.size() > kDigest + 1 && name.size() <= 255 && name[kDigest] == '-' &&
         std::all_of(name.begin(), name.begin() + kDigest, digest) &&
         std::all_of(name.begin(), name.end(), plain);
}

std::optional<PackageRecord> read_package_record(std::string_view text) {
  const Json file = Json::parse(text, nullptr, false);
  if (!file.is_object() || file.value("schema", Json()) != kSchema) return std::nullopt;
  PackageRecord out;
  try {
    out.name = file.at("name").get<std::string>();
    out.kind = file.at("kind").get<std::string>();
    out.settings = file.at("settings").get<std::string>();
    out.files = file.at("files").get<Map>();
    out.trees = file.at("trees").get<Map>();
    out.locked = file.at("locked").get<std::string>();
    out.outputs = file.at("outputs").get<List>();
    out.closure = file.at("closure").get<List>();
    out.path = file.at("path").get<List>();
    out.variables = file.at("variables").get<Map>();
    out.withheld = file.at("withheld").get<Map>();
    out.roots = file.at("roots").get<Map>();
    out.resolved_at = file.at("resolved_at").get<std::int64_t>();
  } catch (const Json::exception&) {
    return std::nullopt;
  }
  for (const auto* paths : {&out.outputs, &out.closure})
    if (paths->empty() || !std::all_of(paths->begin(), paths->end(), is_store_path)) return std::nullopt;
  for (const auto& entry : out.path)
    if (!entry.starts_with(kStore) || !is_store_path(entry.substr(0, entry.find('/', kStore.size()))) ||
        entry.find("/..") != std::string::npos || entry.find(':') != std::string::npos)
      return std::nullopt;
  return out;
}

std::string format_package_record(const PackageRecord& record) {
  const Json file = {{"schema", kSchema},
                     {"name", record.name},
                     {"kind", record.kind},
                     {"settings", record.settings},
                     {"files", record.files},
                     {"trees", record.trees},
                     {"locked", record.locked},
                     {"outputs", record.outputs},
                     {"closure", record.closure},
                     {"path", record.path},
                     {"variables", record.variables},
                     {"withheld", record.withheld},
                     {"roots", record.roots},
                     {"resolved_at", record.resolved_at}};
  return file.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace claudebox::plan
