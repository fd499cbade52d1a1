// Host names and the patterns that grant them: "example.org", "*.example.org". Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace claudebox::net {

/// "Example.ORG." as "example.org"; empty where it is no name of a host: an empty or overlong label, a character that
/// is not a letter, digit, "-" or "_". International names are typed in their ASCII form.
std::optional<std::string> normalize_name(std::string_view typed);

/// A name, or "*." and a name: every name below it, at any depth, but not itself.
struct NamePattern {
  std::string name{};  ///< normalized, without the "*."
  bool wildcard = false;

  static std::optional<NamePattern> parse(std::string_view typed);
  /// `name` normalized.
  bool matches(std::string_view name) const;
  std::string to_string() const;
  bool operator==(const NamePattern&) const = default;
};

}  // namespace claudebox::net
