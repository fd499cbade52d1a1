// What a package came to when Nix resolved it: the record that a warm start reads in place of asking Nix.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace claudebox::plan {

struct PackageRecord {
  std::string name{};                          ///< "nixpkgs#python3"
  std::string kind{};                          ///< "package" or "devshell"
  std::string settings{};                      ///< a digest of Nix's configuration then
  std::map<std::string, std::string> files{};  ///< of a local flake: files that evaluation read, with digests
  std::map<std::string, std::string>
      trees{};                         ///< of a local flake: directories that evaluation read, with digests
  std::string locked{};                ///< what the reference meant
  std::vector<std::string> outputs{};  ///< store paths
  std::vector<std::string> closure{};  ///< store paths, sorted
  std::vector<std::string> path{};     ///< entries for PATH
  std::map<std::string, std::string> variables{};
  std::map<std::string, std::string> withheld{};
  std::map<std::string, std::string>
      roots{};                   ///< absolute link, and what it says: ours, and the collector's on it
  std::int64_t resolved_at = 0;  ///< milliseconds since 1970
};

/// JSON, one record. Every store path in it is one by its form; a text that is no such record gives nothing.
std::optional<PackageRecord> read_package_record(std::string_view text);
std::string format_package_record(const PackageRecord& record);

/// "/nix/store/HASH-NAME", and nothing below it.
bool is_store_path(std::string_view path);

}  // namespace claudebox::plan
