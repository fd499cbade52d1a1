// The two small JSON files of an instance: whose it is, and who holds it. Text in, values out; no files here.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "instance/registry.h"

namespace claudebox::instance {

/// instance.json: what the instance was made for. Written once, when it is made; the last use is the time
/// stamp of the lock file, so that a start writes nothing that a crash could tear.
struct Manifest {
  std::string id{};
  std::string canonical_root{};  ///< any bytes but NUL
  /// Where the file system is mounted that the project lies on: when that is not mounted, the project isn't
  /// gone.
  std::string mount_point{};
  uid_t uid = 0;
  std::int64_t created = 0;  ///< seconds since 1970
  bool operator==(const Manifest&) const = default;
};

/// Why a file can't be used: "is not valid JSON", and the way out.
struct Unusable {
  std::string why{};
  std::string hint{};
};

std::string format_manifest(const Manifest& manifest);
std::variant<Manifest, Unusable> parse_manifest(std::string_view text);

std::string format_holder(const Holder& holder);
/// A record that can't be read gives an empty one: it is for people.
Holder parse_holder(std::string_view text);

}  // namespace claudebox::instance
