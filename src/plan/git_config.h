// Git's configuration syntax, read without running git (git-config(1), "Syntax"). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace claudebox::plan {

/// One "key = value". `section` and `key` in lower case; `subsection` as written.
struct GitConfigEntry {
  std::string section{};
  std::string subsection{};
  std::string key{};
  std::string value{};
  bool operator==(const GitConfigEntry&) const = default;
};

/// The entries in order. What is malformed is passed over up to the end of its line: this reader looks for what must
/// be protected, and git itself refuses such a file.
std::vector<GitConfigEntry> parse_git_config(std::string_view text);

/// The last value of section.key (without a subsection), as git takes it.
std::optional<std::string> git_config_value(const std::vector<GitConfigEntry>& entries,
                                            std::string_view section, std::string_view key);

/// Git's booleans: true, yes, on and numbers other than 0.
bool git_config_true(std::string_view value);

/// A value quoted for a configuration file.
std::string git_config_quote(std::string_view value);

}  // namespace claudebox::plan
