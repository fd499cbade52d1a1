// Records of `profile` and `trust` for programs.
#include <nlohmann/json.hpp>

#include "base/secret.h"
#include "cli/json.h"

namespace claudebox::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchema = 1;

std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

const char* name_of(plan::SettingsFile::Kind kind) {
  switch (kind) {
    case plan::SettingsFile::Kind::defaults:
      return "defaults";
    case plan::SettingsFile::Kind::profile:
      return "profile";
    case plan::SettingsFile::Kind::project:
      return "project";
  }
  return "?";
}

Json to_json(const profile::Entry& entry) {
  Json json = {{"key", entry.key->name}};
  if (entry.key->type == profile::Type::boolean) {
    json["truth"] = entry.truth;
  } else {
    json["text"] = base::hide_secrets(entry.text);
  }
  json["source"] = entry.origin.source;
  return json;
}

}  // namespace

std::string profiles_json(const std::vector<ListedProfile>& profiles) {
  Json json = {{"schema", kSchema}, {"profiles", Json::array()}};
  for (const auto& each : profiles) {
    Json one = {{"name", each.name}, {"path", each.path}};
    if (!each.about.empty()) one["about"] = each.about;
    json["profiles"].push_back(std::move(one));
  }
  return text_of(json);
}

std::string profile_json(const std::string& name, const profile::Settings& settings) {
  Json json = {{"schema", kSchema}, {"name", name}, {"files", Json::array()}, {"values", Json::array()}};
  for (const auto& file : settings.files)
    json["files"].push_back({{"kind", name_of(file.kind)}, {"name", file.name}, {"path", file.path}});
  for (const auto& entry : settings.entries) json["values"].push_back(to_json(entry));
  return text_of(json);
}

std::string trust_json(const std::string& path, bool approved, const profile::Judged& judged) {
  Json json = {{"schema", kSchema}, {"path", path}, {"approved", approved}, {"adds", Json::array()}};
  for (const auto& entry : judged.widening) json["adds"].push_back(to_json(entry));
  return text_of(json);
}

}  // namespace claudebox::cli
