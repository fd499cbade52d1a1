#include "base/secret.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace claudebox::base {
namespace {

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_token(char c) {
  return is_alnum(c) || std::string_view("_-.+/=~").find(c) != std::string_view::npos;
}

/// Issuers mark their tokens so that scanners find them. At least `rest` characters must follow the prefix.
struct Shape {
  std::string_view prefix;
  std::size_t rest;
  SecretKind kind;
};
constexpr std::array kShapes = {
    Shape{"sk-ant-", 8, {"an Anthropic key", "spend on your Anthropic account"}},
    Shape{"sk-or-", 16, {"an OpenRouter key", "spend on your OpenRouter account"}},
    Shape{"sk-", 20, {"an API key", "spend on your account"}},
    Shape{"sk_live_", 8, {"a Stripe key", "move money and read customers"}},
    Shape{"rk_live_", 8, {"a Stripe key", "move money and read customers"}},
    Shape{"ghp_", 16, {"a GitHub token", "push to your GitHub repositories"}},
    Shape{"gho_", 16, {"a GitHub token", "push to your GitHub repositories"}},
    Shape{"ghu_", 16, {"a GitHub token", "push to your GitHub repositories"}},
    Shape{"ghs_", 16, {"a GitHub token", "push to your GitHub repositories"}},
    Shape{"ghr_", 16, {"a GitHub token", "push to your GitHub repositories"}},
    Shape{"github_pat_", 16, {"a GitHub token", "push to your GitHub repositories"}},
    Shape{"glpat-", 12, {"a GitLab token", "push to your GitLab repositories"}},
    Shape{"AKIA", 16, {"an AWS key", "read and write your AWS account"}},
    Shape{"ASIA", 16, {"an AWS key", "read and write your AWS account"}},
    Shape{"xoxa-", 8, {"a Slack token", "read and write in your Slack"}},
    Shape{"xoxb-", 8, {"a Slack token", "read and write in your Slack"}},
    Shape{"xoxe-", 8, {"a Slack token", "read and write in your Slack"}},
    Shape{"xoxp-", 8, {"a Slack token", "read and write in your Slack"}},
    Shape{"xoxr-", 8, {"a Slack token", "read and write in your Slack"}},
    Shape{"xoxs-", 8, {"a Slack token", "read and write in your Slack"}},
    Shape{"xapp-", 8, {"a Slack token", "read and write in your Slack"}},
    Shape{"npm_", 30, {"an npm token", "publish npm packages as you"}},
    Shape{"pypi-AgE", 16, {"a PyPI token", "publish Python packages as you"}},
    Shape{"hf_", 24, {"a Hugging Face token", "read and write your models"}},
    Shape{"AIza", 30, {"a Google API key", "spend on your Google account"}},
    Shape{"ya29.", 16, {"a Google access token", "use Google as you"}},
    Shape{"SG.", 30, {"a SendGrid key", "send mail in your name"}},
    Shape{"dop_v1_", 16, {"a DigitalOcean token", "read and write your cloud account"}},
    Shape{"dckr_pat_", 16, {"a Docker token", "push images as you"}},
    Shape{"hvs.", 16, {"a Vault token", "read your team's secrets"}},
    Shape{"tskey-", 12, {"a Tailscale key", "join your private network"}},
    Shape{"AGE-SECRET-KEY-", 16, {"an age key", "decrypt your secrets"}},
};

constexpr SecretKind kPrivateKey = {"a private key", "log in as its owner"};
constexpr SecretKind kUrlPassword = {"a password in a URL", "log in where that leads"};
constexpr SecretKind kWebToken = {"a JSON web token", "pass for whom it names"};

struct Found {
  std::size_t at = std::string_view::npos;
  std::size_t length = 0;
  SecretKind kind{};
};

std::size_t token_end(std::string_view text, std::size_t at) {
  while (at < text.size() && is_token(text[at])) ++at;
  return at;
}

/// Three parts of base64url, of which the first two are JSON objects: {" is "eyJ" (RFC 7519).
bool is_jwt(std::string_view token) {
  const std::size_t first = token.find('.');
  if (!token.starts_with("eyJ") || first == std::string_view::npos) return false;
  return token.substr(first + 1).starts_with("eyJ") && token.find('.', first + 1) != std::string_view::npos;
}

/// Whether a shape or a JSON web token begins with `c`: nearly all text is passed over by this look alone.
constexpr bool may_begin(char c) {
  if (c == 'e') return true;
  for (const auto& shape : kShapes)
    if (shape.prefix.front() == c) return true;
  return false;
}
constexpr auto kMayBegin = [] {
  std::array<bool, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = may_begin(static_cast<char>(i));
  return table;
}();

Found find_token(std::string_view text, std::size_t from) {
  for (std::size_t at = from; at < text.size(); ++at) {
    if (!kMayBegin[static_cast<unsigned char>(text[at])]) continue;
    if (at > 0 && is_alnum(text[at - 1])) continue;  // only where a word begins
    const std::string_view token = text.substr(at, token_end(text, at) - at);
    for (const auto& shape : kShapes)
      if (token.starts_with(shape.prefix) && token.size() >= shape.prefix.size() + shape.rest)
        return {at, token.size(), shape.kind};
    if (is_jwt(token)) return {at, token.size(), kWebToken};
  }
  return {};
}

/// The block from its first line on; what follows it is not worth showing.
Found find_private_key(std::string_view text, std::size_t from) {
  const std::size_t at = text.find("-----BEGIN ", from);
  if (at == std::string_view::npos) return {};
  const std::size_t line_end = std::min(text.find('\n', at), text.size());
  if (text.substr(at, line_end - at).find("PRIVATE KEY") == std::string_view::npos) return {};
  return {at, text.size() - at, kPrivateKey};
}

/// scheme://user:PASSWORD@host (RFC 3986, 3.2.1).
Found find_url_password(std::string_view text, std::size_t from) {
  for (std::size_t scheme = text.find("://", from); scheme != std::string_view::npos;
       scheme = text.find("://", scheme + 1)) {
    const std::size_t begin = scheme + 3;
    const std::size_t end = std::min(text.find_first_of("/?# \t\n\"'", begin), text.size());
    const std::string_view authority = text.substr(begin, end - begin);
    const std::size_t at_sign = authority.rfind('@');
    if (at_sign == std::string_view::npos) continue;
    const std::size_t colon = authority.substr(0, at_sign).find(':');
    if (colon != std::string_view::npos && colon + 1 < at_sign)
      return {begin + colon + 1, at_sign - colon - 1, kUrlPassword};
  }
  return {};
}

Found find_secret(std::string_view text, std::size_t from) {
  const std::array found = {find_private_key(text, from), find_url_password(text, from),
                            find_token(text, from)};
  return *std::min_element(found.begin(), found.end(),
                           [](const Found& a, const Found& b) { return a.at < b.at; });
}

bool holds(std::string_view word, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return word.find(part) != std::string_view::npos; });
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<std::string> words_of(std::string_view name) {
  std::string upper;
  for (const char c : name)
    upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : is_alnum(c) ? c : '_';
  return split(upper, '_');
}

}  // namespace

std::string mask(std::string_view value) {
  const bool plain = std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  if (value.size() <= 11 || !plain) return "***";
  return std::string(value.substr(0, 7)) + "..." + std::string(value.substr(value.size() - 4));
}

bool secret_name(std::string_view name) {
  if (is_one_of(name, {"PWD", "OLDPWD"})) return false;
  const auto words = words_of(name);
  // The name of a file or a socket, or a number of an agent's tokens: not the secret itself.
  if (is_one_of(words.back(), {"FILE", "PATH", "DIR", "SOCK", "SOCKET"})) return false;
  const auto counts = [](const std::string& word) {
    return is_one_of(word, {"MAX", "MIN", "LIMIT", "BUDGET", "COUNT"});
  };
  const bool number = std::any_of(words.begin(), words.end(), counts);
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    if (word.find("TOKENIZER") != std::string::npos || (number && word == "TOKENS")) return false;
    if (holds(word, {"TOKEN", "SECRET", "PASSW", "PASSPHRASE", "CREDENTIAL", "PRIVATE"})) return true;
    if (is_one_of(word, {"PASS", "PWD", "PAT", "AUTH", "COOKIE", "BEARER", "PSK", "CRED", "CREDS", "DSN"}))
      return true;
    return word == "KEYS" || (word.ends_with("KEY") && !is_one_of(word, {"MONKEY", "HOTKEY", "TURNKEY"}));
  });
}

SecretKind secret_kind(std::string_view text) {
  return find_secret(text, 0).kind;
}

std::string_view secret_shape(std::string_view text) {
  return secret_kind(text).what;
}

std::vector<SecretKind> secret_kinds() {
  std::vector<SecretKind> kinds = {kPrivateKey, kUrlPassword, kWebToken};
  for (const auto& shape : kShapes) kinds.push_back(shape.kind);
  return kinds;
}

std::string hide_secrets(std::string_view text) {
  std::string out;
  std::size_t at = 0;
  for (Found found = find_secret(text, at); found.at != std::string_view::npos;
       found = find_secret(text, at)) {
    out += text.substr(at, found.at - at);
    const bool by_shape = found.kind.what != kUrlPassword.what;  // a password shows nothing of itself
    out += by_shape ? mask(text.substr(found.at, found.length)) : "***";
    at = found.at + found.length;
  }
  return out += text.substr(at);
}

}  // namespace claudebox::base
