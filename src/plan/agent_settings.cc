#include "plan/agent_settings.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "base/path.h"
#include "plan/agent.h"

namespace claudebox::plan {
namespace {

using Json = nlohmann::ordered_json;

/// Settings that have no place in a box. The first group runs a program of the host that hands out a
/// credential; the second asks for a browser login, which a box can't do; the last forbids what a box is for:
/// running unattended is decided by starting claudebox, and the box is what makes it safe.
constexpr std::array<std::string_view, 10> kDropped = {
    "apiKeyHelper",         "awsAuthRefresh",
    "awsCredentialExport",  "gcpAuthRefresh",
    "otelHeadersHelper",    "proxyAuthHelper",
    "forceLoginMethod",     "forceLoginOrgUUID",
    "forceLoginGatewayUrl", "disableBypassPermissionsMode"};

/// Variables of the user's `env` that would undo what the plan sets.
constexpr std::array<std::string_view, 7> kOurs = {"CLAUDE_CONFIG_DIR",
                                                   "CLAUDE_SECURESTORAGE_CONFIG_DIR",
                                                   "DISABLE_AUTOUPDATER",
                                                   "IS_SANDBOX",
                                                   "HOME",
                                                   "TMPDIR",
                                                   "CLAUDE_CODE_TMPDIR"};

/// Objects that are useless or invalid without any one of their members: a secret in one takes all of it.
constexpr std::array<std::string_view, 3> kWhole = {"statusLine", "subagentStatusLine", "fileSuggestion"};

constexpr std::array<std::string_view, 19> kSecretWords = {
    "KEY",    "KEYS",     "APIKEY", "TOKEN",      "TOKENS",       "SECRET",      "SECRETS",
    "PASS",   "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL",   "CREDENTIALS", "AUTH",
    "COOKIE", "HEADERS",  "PAT",    "DSN",        "AUTHORIZATION"};

constexpr std::array<std::string_view, 16> kSecretForms = {
    "sk-",    "sk_live_", "rk_live_", "ghp_", "gho_", "ghu_", "ghs_",       "github_pat_",
    "glpat-", "xoxb-",    "xoxp-",    "AKIA", "ASIA", "npm_", "-----BEGIN", "AIza"};

template <class Table>
bool contains(const Table& table, std::string_view word) {
  return std::find(table.begin(), table.end(), word) != table.end();
}

/// "API_KEY", "apiKey" and "x-api-key" to API, KEY (and X).
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  char before = '_';
  for (const char c : name) {
    const auto u = static_cast<unsigned char>(c);
    const bool hump = std::isupper(u) && std::islower(static_cast<unsigned char>(before));
    if ((hump || !std::isalnum(u)) && !words.back().empty()) words.emplace_back();
    if (std::isalnum(u)) words.back() += static_cast<char>(std::toupper(u));
    before = c;
  }
  return words;
}

/// "32000", "true", "1.5": limits and switches (MAX_THINKING_TOKENS) are no secrets.
bool is_number_or_switch(std::string_view value) {
  if (value.empty() || value == "true" || value == "false") return true;
  return value.size() <= 12 && value.find_first_not_of("0123456789.,-") == std::string_view::npos;
}

bool has_secret_form(std::string_view value) {
  for (const auto form : kSecretForms)
    for (auto at = value.find(form); at != std::string_view::npos; at = value.find(form, at + 1))
      // At the start of a word only, and with something behind it: "task-list" holds "sk-".
      if ((at == 0 || !std::isalnum(static_cast<unsigned char>(value[at - 1]))) &&
          value.size() - at >= form.size() + 8)
        return true;
  if (value.find("eyJ") != std::string_view::npos && std::count(value.begin(), value.end(), '.') >= 2)
    return true;  // a JSON web token
  for (const std::string_view scheme : {"Bearer ", "Basic "}) {
    const auto at = value.find(scheme);
    // "Bearer $TOKEN" names a variable of the box and holds nothing itself.
    if (at != std::string_view::npos && at + scheme.size() < value.size() && value[at + scheme.size()] != '$')
      return true;
  }
  if (const auto scheme = value.find("://"); scheme != std::string_view::npos) {
    const auto authority = value.substr(scheme + 3, value.find('/', scheme + 3) - scheme - 3);
    const auto at = authority.rfind('@');
    return at != std::string_view::npos && authority.substr(0, at).find(':') != std::string_view::npos;
  }
  return false;
}

/// "{env:NAME}", opencode's word for a variable of the box: it holds nothing itself.
bool is_variable(std::string_view value) {
  return value.starts_with("{env:") && value.find('}') == value.size() - 1;
}

bool filter(Json& value, bool in_env);

bool filter_object(Json& object, bool in_env) {
  bool dropped = false;
  for (auto member = object.begin(); member != object.end();) {
    const std::string& name = member.key();
    Json& value = member.value();
    const std::string text = value.is_string() ? value.get<std::string>() : std::string();
    bool drop = contains(kDropped, name) || (in_env && contains(kOurs, name)) ||
                (value.is_string() && looks_secret(name, text) && !is_variable(text));
    if (!drop && value.is_structured()) {
      const bool lost = filter(value, name == "env");
      drop = lost && contains(kWhole, name);
    }
    dropped = dropped || drop;
    member = drop ? object.erase(member) : std::next(member);
  }
  return dropped;
}

/// Takes what looks secret out of `value`, at every depth. Returns whether it lost a member of its own.
bool filter(Json& value, bool in_env) {
  if (value.is_object()) return filter_object(value, in_env);
  for (auto element = value.begin(); element != value.end();) {
    const bool drop = element->is_string() ? looks_secret("", element->get<std::string>())
                                           // A hook without its command would make the whole file invalid.
                                           : element->is_structured() && filter(*element, false);
    element = drop ? value.erase(element) : std::next(element);
  }
  return false;
}

void move_paths(Json& value, const std::string& from, const std::string& to) {
  if (value.is_string()) {
    const std::string path = value.get<std::string>();
    if (base::is_within(path, from)) value = base::path_join(to, base::relative_to(path, from));
  } else if (value.is_structured()) {
    for (auto& member : value) move_paths(member, from, to);
  }
}

bool is_for_another_project(const Json& installation, const std::vector<std::string>& projects) {
  if (!installation.is_object() || !installation.contains("projectPath")) return false;
  return std::none_of(projects.begin(), projects.end(),
                      [&](const std::string& project) { return installation["projectPath"] == project; });
}

/// Comments are no JSON, but people write them and the agent's own parser is as lenient.
std::optional<Json> parse_object(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  Json parsed = Json::parse(*text, nullptr, false, true);
  if (!parsed.is_object()) return std::nullopt;
  return parsed;
}

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// Nesting that no real settings have; deeper input is refused before it can exhaust the stack.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  for (const char c : text) {
    depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
    if (depth > 200) return true;
  }
  return false;
}

constexpr const char* kAccount = "oauthAccount";

/// The text of the object that is the member `name` of the object `text`; empty where there is none. No parser: a
/// megabyte takes it 10 ms, and this one.
std::string_view top_level_object(std::string_view text, std::string_view name) {
  int depth = 0;
  std::size_t begin = 0;
  bool found = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      const std::size_t start = ++at;
      while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
      if (at >= text.size()) return {};
      // A member's name has a colon behind it, a value has none.
      const std::size_t next = text.find_first_not_of(" \t\r\n", at + 1);
      if (depth == 1 && !found)
        found = text.substr(start, at - start) == name && next < text.size() && text[next] == ':';
    } else if (c == '{' || c == '[') {
      ++depth;
      if (found && depth == 2 && begin == 0) {
        if (c == '[') return {};
        begin = at;
      }
    } else if (c == '}' || c == ']') {
      --depth;
      if (begin != 0 && depth == 1) return text.substr(begin, at - begin + 1);
    } else if (found && begin == 0 && c == ',') {
      return {};  // the member was no object
    }
  }
  return {};
}

}  // namespace

bool looks_secret(std::string_view name, std::string_view value) {
  if (has_secret_form(value)) return true;
  if (is_number_or_switch(value)) return false;
  for (const auto& word : words_of(name))
    if (contains(kSecretWords, word)) return true;
  return false;
}

std::optional<std::string> filtered_settings(std::string_view json) {
  if (is_too_deep(json)) return std::nullopt;
  auto settings = parse_object(std::string(json));
  if (!settings) return std::nullopt;
  filter(*settings, false);
  return dump(*settings);
}

std::string box_settings(const std::optional<std::string>& user_settings, bool own_sandbox) {
  Json settings = Json::object();
  if (user_settings)
    if (const auto filtered = filtered_settings(*user_settings)) settings = Json::parse(*filtered);
  settings["skipDangerousModePermissionPrompt"] = true;
  if (!own_sandbox) {
    if (!settings["sandbox"].is_object()) settings["sandbox"] = Json::object();
    settings["sandbox"]["enabled"] = false;
  }
  return dump(settings);
}

std::string first_run_state(const std::string& version, const std::optional<std::string>& user_state) {
  Json state = {{"hasCompletedOnboarding", true},
                {"numStartups", 5},
                {"lastOnboardingVersion", version},
                {"lastReleaseNotesSeen", version},
                {"hasSeenAutoDefaultNotice", true}};
  constexpr std::array<std::string_view, 7> kPreferences = {
      "theme",           "editorMode", "verbose", "autoCompactEnabled", "diffTool", "preferredNotifChannel",
      "showTurnDuration"};
  if (user_state && !is_too_deep(*user_state))
    if (const auto user = parse_object(user_state))
      for (const auto name : kPreferences)
        if (const auto found = user->find(name); found != user->end() && found->is_primitive())
          state[std::string(name)] = *found;
  return dump(state);
}

std::string start_state(const std::vector<std::string>& trusted, const std::string& api_key,
                        const std::string& account) {
  Json state = Json::object();
  if (!account.empty()) state[kAccount] = Json::parse(account);
  for (const auto& directory : trusted)
    state["projects"][directory] = {{"hasTrustDialogAccepted", true},
                                    // Else the agent asks about "@~/notes.md" in the project's CLAUDE.md:
                                    // what it may read is decided by the box.
                                    {"hasClaudeMdExternalIncludesApproved", true},
                                    {"hasClaudeMdExternalIncludesWarningShown", true}};
  if (!api_key.empty()) {
    constexpr std::size_t kTail = 20;
    const auto tail = api_key.substr(api_key.size() > kTail ? api_key.size() - kTail : 0);
    state["customApiKeyResponses"] = {{"approved", Json::array({tail})}, {"rejected", Json::array()}};
  }
  return dump(state);
}

std::string account_of(std::string_view user_state) {
  auto account = parse_object(std::string(top_level_object(user_state, kAccount)));
  if (!account) return {};
  for (auto member = account->begin(); member != account->end();) {
    const bool drop = !member->is_primitive() ||
                      (member->is_string() && looks_secret(member.key(), member->get<std::string>()));
    member = drop ? account->erase(member) : std::next(member);
  }
  return account->empty() ? std::string() : account->dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string box_plugin_record(const std::string& record, const std::string& from, const std::string& to,
                              const std::vector<std::string>& projects) {
  auto json = is_too_deep(record) ? std::nullopt : parse_object(record);
  if (!json) return "{}\n";
  move_paths(*json, from, to);
  if (const auto plugins = json->find("plugins"); plugins != json->end() && plugins->is_object())
    for (auto plugin = plugins->begin(); plugin != plugins->end();) {
      if (plugin->is_array())
        for (auto entry = plugin->begin(); entry != plugin->end();)
          entry = is_for_another_project(*entry, projects) ? plugin->erase(entry) : std::next(entry);
      const bool none = (plugin->is_array() && plugin->empty()) || is_for_another_project(*plugin, projects);
      plugin = none ? plugins->erase(plugin) : std::next(plugin);
    }
  return dump(*json);
}

std::optional<std::string> package_version(const std::string& package_json) {
  const auto package = parse_object(package_json);
  if (!package) return std::nullopt;
  const auto found = package->find("version");
  if (found == package->end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

}  // namespace claudebox::plan
