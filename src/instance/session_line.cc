#include "instance/session_line.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace claudebox::instance {
namespace {

using Json = nlohmann::ordered_json;
using report::NetworkEvent;
using Kind = NetworkEvent::Kind;

constexpr int kSchema = 1;
/// A name of 255 bytes, each as \DDD, and then some.
constexpr std::size_t kMaxText = 1100;
constexpr std::size_t kMaxAddresses = 16;

constexpr std::array<std::pair<Kind, const char*>, 4> kKinds = {{
    {Kind::lookup, "lookup"},
    {Kind::denied, "denied"},
    {Kind::reached, "reached"},
    {Kind::incident, "incident"},
}};

std::string line(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace) + "\n";
}

std::string cut(const std::string& text) {
  return text.size() <= kMaxText ? text : text.substr(0, kMaxText) + "...";
}

void put(Json& json, const char* name, const std::string& text) {
  if (!text.empty()) json[name] = cut(text);
}
void put(Json& json, const char* name, const std::vector<std::string>& texts) {
  if (!texts.empty()) json[name] = texts;
}
void put(Json& json, const char* name, std::uint64_t number) {
  if (number != 0) json[name] = number;
}

std::string text(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}
std::vector<std::string> texts(const Json& json, const char* name) {
  std::vector<std::string> out;
  const auto found = json.find(name);
  if (found == json.end() || !found->is_array()) return out;
  for (const auto& each : *found)
    if (each.is_string()) out.push_back(each.get<std::string>());
  return out;
}
/// A number that fits; 0 where there is none.
template <class T>
T number(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number_integer()) return 0;
  if (found->is_number_unsigned()) {
    const auto value = found->get<std::uint64_t>();
    return std::in_range<T>(value) ? static_cast<T>(value) : T{0};
  }
  const auto value = found->get<std::int64_t>();
  return std::in_range<T>(value) ? static_cast<T>(value) : T{0};
}

SessionStart parse_start(const Json& json) {
  report::Session session;
  session.id = text(json, "id");
  session.started = number<std::int64_t>(json, "time");
  session.command = text(json, "command");
  session.network = text(json, "network");
  session.project = text(json, "project");
  session.allow = texts(json, "allow");
  session.lan = texts(json, "lan");
  session.publish = texts(json, "publish");
  session.reach = texts(json, "reach");
  session.mounts = texts(json, "mounts");
  session.variables = texts(json, "variables");
  return {session};
}

SessionEnd parse_end(const Json& json) {
  report::Session session;
  session.ended = number<std::int64_t>(json, "time");
  session.outcome = text(json, "outcome");
  session.status = number<int>(json, "status");
  session.reason = text(json, "reason");
  session.denials = number<std::uint64_t>(json, "denials");
  session.lost = number<std::uint64_t>(json, "lost");
  return {session};
}

NetworkEvent parse_event(const Json& json, Kind kind) {
  NetworkEvent event;
  event.kind = kind;
  event.time = number<std::int64_t>(json, "time");
  event.name = text(json, "name");
  event.type = text(json, "type");
  event.result = text(json, "result");
  event.addresses = texts(json, "addresses");
  event.protocol = text(json, "protocol");
  event.address = text(json, "address");
  event.port = number<std::uint16_t>(json, "port");
  event.reason = text(json, "reason");
  event.count = number<std::uint32_t>(json, "count");
  const auto incoming = json.find("incoming");
  event.incoming = incoming != json.end() && incoming->is_boolean() && incoming->get<bool>();
  event.bytes_out = number<std::uint64_t>(json, "bytes_out");
  event.bytes_in = number<std::uint64_t>(json, "bytes_in");
  return event;
}

}  // namespace

std::string format_session_start(const report::Session& session) {
  Json json = {{"kind", "start"}, {"schema", kSchema}, {"time", session.started}, {"id", session.id}};
  put(json, "command", session.command);
  put(json, "network", session.network);
  put(json, "project", session.project);
  put(json, "allow", session.allow);
  put(json, "lan", session.lan);
  put(json, "publish", session.publish);
  put(json, "reach", session.reach);
  put(json, "mounts", session.mounts);
  put(json, "variables", session.variables);
  return line(json);
}

std::string format_session_event(const NetworkEvent& event) {
  Json json = Json::object();
  for (const auto& [kind, name] : kKinds)
    if (kind == event.kind) json["kind"] = name;
  json["time"] = event.time;
  put(json, "name", event.name);
  put(json, "type", event.type);
  put(json, "result", event.result);
  std::vector<std::string> addresses;
  for (const auto& address : event.addresses)
    if (addresses.size() < kMaxAddresses) addresses.push_back(cut(address));
  put(json, "addresses", addresses);
  put(json, "protocol", event.protocol);
  put(json, "address", event.address);
  put(json, "port", event.port);
  put(json, "reason", event.reason);
  put(json, "count", event.count);
  if (event.incoming) json["incoming"] = true;
  put(json, "bytes_out", event.bytes_out);
  put(json, "bytes_in", event.bytes_in);
  return line(json);
}

std::string format_session_end(const report::Session& session) {
  Json json = {{"kind", "end"},
               {"time", session.ended.value_or(0)},
               {"outcome", session.outcome},
               {"status", session.status.value_or(0)}};
  put(json, "reason", session.reason);
  put(json, "denials", session.denials);
  put(json, "lost", session.lost);
  return line(json);
}

SessionLine parse_session_line(const std::string& line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return {};
  const std::string kind = text(json, "kind");
  if (kind == "start" && number<int>(json, "schema") == kSchema) return parse_start(json);
  if (kind == "end") return parse_end(json);
  for (const auto& [value, name] : kKinds)
    if (kind == name) return parse_event(json, value);
  return {};
}

}  // namespace claudebox::instance
