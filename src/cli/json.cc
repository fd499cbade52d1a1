#include "cli/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/secret.h"

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

// What a box or a name server made up is in these records: ASCII with \uXXXX, whoever shows them on a terminal.
std::string ascii_of(const Json& json, int indent) {
  return json.dump(indent, ' ', true, Json::error_handler_t::replace) + "\n";
}

void put(Json& json, const char* name, const std::string& text) {
  if (!text.empty()) json[name] = text;
}

Json to_json(const std::string& instance, const report::Session& session) {
  return {{"id", session.id},           {"instance", instance},           {"project", session.project},
          {"command", session.command}, {"network", session.network},     {"allow", session.allow},
          {"lan", session.lan},         {"publish", session.publish},     {"reach", session.reach},
          {"mounts", session.mounts},   {"variables", session.variables}, {"started", session.started}};
}

void put_end(Json& json, const report::Session& session) {
  json["running"] = session.running;
  if (session.ended) json["ended"] = *session.ended;
  if (session.ended && session.status) json["status"] = *session.status;
  put(json, "outcome", session.outcome);
  put(json, "reason", session.reason);
  json["lost"] = session.lost;
}

Json to_json(const report::NetworkEvent& event) {
  using Kind = report::NetworkEvent::Kind;
  Json json = {{"time", event.time}};
  if (event.kind == Kind::lookup) {
    json.update({{"name", event.name}, {"type", event.type}, {"result", event.result}});
    json["addresses"] = event.addresses;
  } else if (event.kind != Kind::incident) {
    json.update({{"protocol", event.protocol}, {"address", event.address}, {"port", event.port}});
  }
  if (event.kind == Kind::denied) json["incoming"] = event.incoming;
  if (event.kind == Kind::reached)
    json.update({{"bytes_out", event.bytes_out}, {"bytes_in", event.bytes_in}});
  if (event.kind == Kind::denied || event.kind == Kind::incident) json["reason"] = event.reason;
  if (event.kind == Kind::denied || event.kind == Kind::lookup) json["count"] = std::max(1U, event.count);
  return json;
}

Json to_json(const std::vector<report::NetworkEvent>& events) {
  Json list = Json::array();
  for (const auto& event : events) list.push_back(to_json(event));
  return list;
}

const char* name_of(report::NetworkEvent::Kind kind) {
  using Kind = report::NetworkEvent::Kind;
  switch (kind) {
    case Kind::lookup:
      return "lookup";
    case Kind::denied:
      return "denied";
    case Kind::reached:
      return "reached";
    case Kind::incident:
      return "incident";
  }
  return "?";
}

Json to_json(const profile::Entry& entry) {
  Json json = {{"key", entry.key->name}};
  if (entry.is_boolean()) {
    json["truth"] = entry.truth;
  } else {
    json["text"] = base::hide_secrets(entry.text);
  }
  json["source"] = entry.origin.source;
  return json;
}

}  // namespace

std::string packages_json(const std::vector<PackageLine>& packages) {
  Json lines = Json::array();
  for (const auto& package : packages)
    lines.push_back({{"name", package.name},
                     {"kind", package.kind},
                     {"locked", package.locked},
                     {"outputs", package.outputs},
                     {"closure", package.closure},
                     {"resolved_at", package.resolved_at},
                     {"directory", package.directory}});
  return text_of({{"schema", kSchema}, {"packages", lines}});
}

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

std::string session_json(const std::string& instance, const report::Session& session,
                         const render::LogDigest& digest) {
  Json json = {{"schema", kSchema}};
  json.update(to_json(instance, session));
  put_end(json, session);
  json["lookups"] = to_json(digest.lookups);
  json["reached"] = to_json(digest.reached);
  json["denied"] = to_json(digest.denied);
  json["incidents"] = to_json(digest.incidents);
  return ascii_of(json, 2);
}

std::string session_start_json(const std::string& instance, const report::Session& session) {
  Json json = {{"schema", kSchema}, {"kind", "session"}};
  json.update(to_json(instance, session));
  return ascii_of(json, -1);
}

std::string session_event_json(const report::NetworkEvent& event) {
  Json json = {{"schema", kSchema}, {"kind", name_of(event.kind)}};
  json.update(to_json(event));
  return ascii_of(json, -1);
}

std::string session_end_json(const report::Session& session) {
  Json json = {{"schema", kSchema}, {"kind", "end"}};
  put_end(json, session);
  return ascii_of(json, -1);
}

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
    json["files"].push_back(
        {{"kind", plan::settings_file_name(file.kind)}, {"name", file.name}, {"path", file.path}});
  for (const auto& entry : settings.entries) json["values"].push_back(to_json(entry));
  return text_of(json);
}

std::string trust_json(const std::vector<TrustLine>& lines, const profile::Judged* judged) {
  // The project's own file at top level, as before there were flakes.
  Json json = {{"schema", kSchema},
               {"path", ""},
               {"approved", true},
               {"adds", Json::array()},
               {"flakes", Json::array()}};
  for (const auto& line : lines) {
    if (line.flake) {
      json["flakes"].push_back({{"path", line.path}, {"approved", line.approved}, {"changed", line.changed}});
    } else {
      json["path"] = line.path;
      json["approved"] = line.approved;
    }
  }
  if (judged)
    for (const auto& entry : judged->widening) json["adds"].push_back(to_json(entry));
  return text_of(json);
}

}  // namespace claudebox::cli
