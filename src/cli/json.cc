#include "cli/json.h"

#include <nlohmann/json.hpp>

namespace claudebox::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchema = 1;

/// Paths may hold any bytes; JSON is UTF-8.
std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

const char* name_of(Part::State state) {
  switch (state) {
    case Part::State::good:
      return "ok";
    case Part::State::poor:
      return "limited";
    case Part::State::bad:
      return "bad";
    case Part::State::missing:
      return "missing";
  }
  return "?";
}

Json to_json(const instance::Record& record) {
  Json json = {{"id", record.id},
               {"directory", record.directory},
               {"project", record.canonical_root},
               {"project_exists", record.project_exists},
               {"project_gone", record.project_gone},
               {"live", record.live},
               {"created", record.created},
               {"last_used", record.last_used}};
  if (!record.problem.empty()) json["problem"] = record.problem;
  return json;
}

}  // namespace

std::string check_json(const std::vector<Part>& parts) {
  Json list = Json::array();
  for (const auto& part : parts)
    list.push_back({{"name", part.name},
                    {"required", part.required},
                    {"state", name_of(part.state)},
                    {"version", part.version},
                    {"detail", part.detail},
                    {"remedy", part.remedy}});
  return text_of({{"schema", kSchema}, {"ready", is_ready(parts)}, {"parts", list}});
}

std::string instances_json(const std::vector<instance::Record>& records) {
  Json list = Json::array();
  for (const auto& record : records) list.push_back(to_json(record));
  return text_of({{"schema", kSchema}, {"instances", list}});
}

std::string instance_json(const instance::Record& record, const std::vector<instance::Holder>& holders,
                          std::uint64_t bytes) {
  Json json = {{"schema", kSchema}};
  json.update(to_json(record));
  json["bytes"] = bytes;
  json["holders"] = Json::array();
  for (const auto& holder : holders)
    json["holders"].push_back({{"pid", holder.pid},
                               {"since", holder.since},
                               {"directory", holder.directory},
                               {"command", holder.command}});
  return text_of(json);
}

}  // namespace claudebox::cli
