#include "plan/credential.h"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

namespace claudebox::plan {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kLogin = "claudeAiOauth";

/// What the client wants to know beside the token. None of it gives any right.
constexpr std::array<const char*, 3> kAbout = {"scopes", "subscriptionType", "rateLimitTier"};

/// No real file nests deeper; the parser would go as deep as its input does.
constexpr int kDeepest = 16;

std::optional<Json> parse(std::string_view text) {
  int depth = 0;
  for (const char c : text) {
    depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
    if (depth > kDeepest) return std::nullopt;
  }
  Json parsed = Json::parse(text, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  return parsed;
}

const Json* member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::string text_of(const Json& object, const char* name) {
  const Json* value = member(object, name);
  return value && value->is_string() ? value->get<std::string>() : std::string();
}

/// A number of milliseconds, whichever way JSON spells it; empty where it is no time that could be meant.
std::optional<std::int64_t> time_of(const Json& value) {
  constexpr double kLatest = 9e15;  // the year 287,000: also where doubles stop being exact
  if (!value.is_number()) return std::nullopt;
  const auto number = value.get<double>();
  if (!(number >= 0 && number <= kLatest)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

NoCredential unknown(std::string reason) {
  return {NoCredential::Kind::unknown, std::move(reason)};
}

/// Texts and lists of texts: nothing that could hide a token in some depth.
bool is_plain(const Json& value) {
  if (value.is_string()) return true;
  if (!value.is_array()) return false;
  for (const auto& item : value)
    if (!item.is_string()) return false;
  return true;
}

}  // namespace

std::variant<Credential, NoCredential> read_credential(std::string_view text) {
  if (text.empty()) return NoCredential{NoCredential::Kind::logged_out, "is empty"};
  if (text.size() > kMaxCredential) return unknown("is larger than any real one");
  const auto file = parse(text);
  if (!file) return unknown("is not a JSON object");
  const Json* login = member(*file, kLogin);
  if (!login) return NoCredential{NoCredential::Kind::logged_out, "holds no login of a person"};
  if (!login->is_object()) return unknown("has a login of a form that this claudebox does not know");

  const Json* token = member(*login, "accessToken");
  const Json* expires = member(*login, "expiresAt");
  const auto time = expires ? time_of(*expires) : std::nullopt;
  if (!token || !token->is_string() || !time)
    return unknown("has a login of a form that this claudebox does not know");
  if (token->get<std::string>().empty())
    return NoCredential{NoCredential::Kind::logged_out, "says that you are logged out"};

  Json box = {{"accessToken", *token}, {"expiresAt", *expires}};
  for (const char* name : kAbout)
    if (const Json* value = member(*login, name); value && is_plain(*value)) box[name] = *value;
  Json whole = Json::object();
  whole[kLogin] = std::move(box);
  return Credential{.for_box = whole.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
                    .expires_at = *time,
                    .subscription = text_of(*login, "subscriptionType"),
                    .renewable = !text_of(*login, "refreshToken").empty()};
}

}  // namespace claudebox::plan
