#include "instance/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace claudebox::instance {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchema = 1;

std::string dump(const Json& json) {
  // A path of other bytes than UTF-8 is shown with replacement characters; the exact one is in "…_hex".
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

std::string from_hex(std::string_view text) {
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out += static_cast<char>((value(text[i]) << 4) | value(text[i + 1]));
  return out;
}

void put_path(Json& json, const std::string& name, const std::string& path) {
  json[name] = path;
  if (!base::is_utf8(path)) json[name + "_hex"] = to_hex(path);
}

std::string get_string(const Json& json, const std::string& name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string get_path(const Json& json, const std::string& name) {
  const std::string hex = get_string(json, name + "_hex");
  return hex.empty() ? get_string(json, name) : from_hex(hex);
}

std::int64_t get_number(const Json& json, const std::string& name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_integer() ? found->get<std::int64_t>() : -1;
}

}  // namespace

std::string format_manifest(const Manifest& manifest) {
  Json json;
  json["schema"] = kSchema;
  json["id"] = manifest.id;
  put_path(json, "canonical_root", manifest.canonical_root);
  put_path(json, "mount_point", manifest.mount_point);
  json["uid"] = manifest.uid;
  json["created"] = manifest.created;
  return dump(json);
}

std::variant<Manifest, Unusable> parse_manifest(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  const std::string way_out =
      "move the instance's directory away to start afresh, or remove it with claudebox instance rm";
  if (json.is_discarded() || !json.is_object()) return Unusable{"it is not a JSON object", way_out};
  const std::int64_t schema = get_number(json, "schema");
  if (schema > kSchema)
    return Unusable{"a newer claudebox wrote it (schema " + std::to_string(schema) + ", this one knows " +
                        std::to_string(kSchema) + ")",
                    "update claudebox, or start beside it with --instance NAME"};
  if (schema != kSchema) return Unusable{"it has no valid \"schema\"", way_out};
  const std::int64_t uid = get_number(json, "uid");
  Manifest manifest{.id = get_string(json, "id"),
                    .canonical_root = get_path(json, "canonical_root"),
                    .mount_point = get_path(json, "mount_point"),
                    .uid = static_cast<uid_t>(uid),
                    .created = get_number(json, "created")};
  if (manifest.id.empty() || !manifest.canonical_root.starts_with('/') || uid < 0 || manifest.created < 0)
    return Unusable{"\"id\", \"canonical_root\", \"uid\" or \"created\" is missing or wrong", way_out};
  return manifest;
}

std::string format_holder(const Holder& holder) {
  Json json;
  json["schema"] = kSchema;
  json["pid"] = holder.pid;
  json["since"] = holder.since;
  put_path(json, "directory", holder.directory);
  put_path(json, "command", holder.command);
  return dump(json);
}

Holder parse_holder(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return {};
  return {.pid = static_cast<pid_t>(std::max<std::int64_t>(0, get_number(json, "pid"))),
          .since = std::max<std::int64_t>(0, get_number(json, "since")),
          .directory = get_path(json, "directory"),
          .command = get_path(json, "command")};
}

}  // namespace claudebox::instance
