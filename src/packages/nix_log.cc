#include "packages/nix_log.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace claudebox::packages {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMark = "@nix ";
constexpr std::string_view kAccess = "checking access to '";
constexpr std::size_t kLongestLine = 1U << 20;
constexpr std::size_t kKeptLines = 10;
constexpr std::size_t kMostWarnings = 20;
constexpr std::size_t kMostFiles = 20'000;

// Of nix's ActivityType and ResultType.
constexpr int kFileTransfer = 101, kCopyPaths = 103, kBuilds = 104, kBuild = 105;
constexpr int kBuildLine = 101, kProgress = 105, kExpected = 106;

std::uint64_t number(const Json& list, std::size_t at) {
  return at < list.size() && list[at].is_number_unsigned() ? list[at].get<std::uint64_t>() : 0;
}

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int int_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<int>() : -1;
}

/// "hello-1.0" of "/nix/store/HASH-hello-1.0.drv".
std::string derivation_name(const std::string& path) {
  std::string name = path.substr(path.rfind('/') + 1);
  if (name.size() > 33 && name[32] == '-') name = name.substr(33);
  return name.ends_with(".drv") ? name.substr(0, name.size() - 4) : name;
}

}  // namespace

std::string without_escapes(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\x1b') {
      if (at + 1 < text.size() && text[at + 1] == '[')
        for (++at; at + 1 < text.size() && !(text[at + 1] >= '@' && text[at + 1] <= '~');) ++at;
      ++at;
    } else if (static_cast<unsigned char>(text[at]) >= 0x20 || text[at] == '\n' || text[at] == '\t') {
      out += text[at];
    }
  }
  return out;
}

void NixLog::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    if (rest_.size() < kLongestLine) rest_ += bytes.substr(0, end);
    if (end == std::string_view::npos) return;
    line(rest_);
    rest_.clear();
    bytes.remove_prefix(end + 1);
  }
}

void NixLog::finish() {
  if (!rest_.empty()) line(rest_);
  rest_.clear();
}

void NixLog::line(std::string_view text) {
  if (text.starts_with(kMark)) return event(text.substr(kMark.size()));
  const std::string plain = without_escapes(text);
  if (plain.starts_with("error:")) message(0, plain);
}

void NixLog::event(std::string_view json) {
  const Json event = Json::parse(json, nullptr, false);
  if (!event.is_object()) return;
  const std::string action = text_of(event, "action");
  const auto id =
      event.contains("id") && event["id"].is_number_unsigned() ? event["id"].get<std::uint64_t>() : 0;
  // Not copied: what is nested deep would be copied by as many calls.
  const Json none = Json::array();
  const Json& fields = event.contains("fields") && event["fields"].is_array() ? event["fields"] : none;
  if (action == "msg") {
    message(int_of(event, "level"), text_of(event, "msg"));
  } else if (action == "start") {
    Activity activity{.type = int_of(event, "type")};
    if (activity.type == kBuild && !fields.empty() && fields[0].is_string())
      building_ = activity.name = derivation_name(fields[0].get<std::string>());
    activities_[id] = activity;
  } else if (action == "stop") {
    const auto found = activities_.find(id);
    if (found == activities_.end()) return;
    if (found->second.type == kFileTransfer) finished_bytes_ += found->second.done;
    if (found->second.type == kBuild && building_ == found->second.name) building_.clear();
    if (found->second.type != kBuilds && found->second.type != kCopyPaths) activities_.erase(found);
  } else if (action == "result") {
    const int type = int_of(event, "type");
    if (type == kProgress) {
      Activity& activity = activities_[id];
      activity.done = number(fields, 0);
      activity.expected = number(fields, 1);
      activity.running = number(fields, 2);
    } else if (type == kExpected && number(fields, 0) == kFileTransfer) {
      expected_bytes_ = number(fields, 1);
    } else if (type == kBuildLine && !fields.empty() && fields[0].is_string()) {
      lines_.push_back(without_escapes(fields[0].get<std::string>()));
      if (lines_.size() > kKeptLines) lines_.pop_front();
    }
  }
}

void NixLog::message(int level, const std::string& text) {
  if (const std::size_t at = text.find(kAccess); at != std::string::npos) {
    const std::size_t store = text.find("/nix/store/", at);
    const std::size_t end = text.rfind('\'');
    if (store == std::string::npos || end == std::string::npos || end <= store + 11) return;
    std::string name = text.substr(store + 11, end - store - 11);
    if (files_.size() < kMostFiles && seen_.insert(name).second) files_.push_back(std::move(name));
    return;
  }
  const std::string plain = without_escapes(text);
  // What a daemon says beside its work arrives at level 0 as well.
  if (level == 0 && plain.starts_with("error:")) {
    error_ += (error_.empty() ? "" : "\n") + plain;
  } else if (level <= 1 && plain.starts_with("warning:") && warnings_.size() < kMostWarnings) {
    warnings_.push_back(std::string(base::trim(std::string_view(plain).substr(8))));
  }
}

std::uint64_t NixLog::sum(int type, std::uint64_t Activity::* number) const {
  std::uint64_t total = 0;
  for (const auto& [_, activity] : activities_)
    if (activity.type == type) total += activity.*number;
  return total;
}

std::string NixLog::status() const {
  const auto of = [](std::uint64_t done, std::uint64_t all) {
    return std::to_string(done) + " of " + std::to_string(all);
  };
  const std::uint64_t bytes = finished_bytes_ + sum(kFileTransfer, &Activity::done);
  const std::uint64_t paths = sum(kCopyPaths, &Activity::expected);
  if (sum(kCopyPaths, &Activity::running) > 0 || (paths > 0 && building_.empty())) {
    const std::uint64_t all = std::max(expected_bytes_, bytes);
    return "fetching " + base::human_size(bytes) + " of " + base::human_size(all) + " (" +
           of(sum(kCopyPaths, &Activity::done), paths) + " paths)";
  }
  const std::uint64_t builds = sum(kBuilds, &Activity::expected);
  if (!building_.empty() || builds > 0)
    return "building" + (building_.empty() ? "" : " " + building_) +
           (builds == 0 ? "" : " (" + of(sum(kBuilds, &Activity::done), builds) + " built)");
  return {};
}

}  // namespace claudebox::packages
