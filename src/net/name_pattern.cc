#include "net/name_pattern.h"

#include <algorithm>

namespace claudebox::net {
namespace {

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxLabel = 63;

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabel && std::all_of(label.begin(), label.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

}  // namespace

std::optional<std::string> normalize_name(std::string_view typed) {
  if (typed.ends_with('.')) typed.remove_suffix(1);
  if (typed.empty() || typed.size() > kMaxName) return std::nullopt;
  std::string name(typed);
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t end = std::min(name.find('.', at), name.size());
    if (!is_label(std::string_view(name).substr(at, end - at))) return std::nullopt;
    at = end + 1;
  }
  return name;
}

std::optional<NamePattern> NamePattern::parse(std::string_view typed) {
  NamePattern pattern;
  pattern.wildcard = typed.starts_with("*.");
  if (pattern.wildcard) typed.remove_prefix(2);
  const auto name = normalize_name(typed);
  if (!name) return std::nullopt;
  pattern.name = *name;
  return pattern;
}

bool NamePattern::matches(std::string_view candidate) const {
  if (!wildcard) return candidate == name;
  return candidate.size() > name.size() + 1 && candidate.ends_with(name) &&
         candidate[candidate.size() - name.size() - 1] == '.';
}

std::string NamePattern::to_string() const {
  return (wildcard ? "*." : "") + name;
}

}  // namespace claudebox::net
