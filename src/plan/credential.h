// The agent's credential file (.credentials.json): read, and cut down to what a box may have. Text to text, no host.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace claudebox::plan {

/// A login that can be used. Made from the user's file; the refresh token is not in it.
struct Credential {
  std::string
      for_box{};  ///< the same file for a box: the access token and what is known about it, nothing else
  std::int64_t expires_at = 0;  ///< of the access token, milliseconds since 1970
  std::string subscription{};   ///< "max"; empty where the file does not say
  bool renewable = false;       ///< the user's file has a refresh token
  bool operator==(const Credential&) const = default;
};

struct NoCredential {
  enum class Kind {
    logged_out,  ///< the client has left an empty one
    unknown,     ///< the file is not what this claudebox knows
  };
  Kind kind = Kind::unknown;
  std::string reason{};  ///< for a sentence after the file's name: "is not JSON". Holds nothing of the file
  bool operator==(const NoCredential&) const = default;
};

/// At most this many bytes are looked at; real files have some 500, and more with logins of MCP servers.
inline constexpr std::size_t kMaxCredential = std::size_t{1} << 18U;

/// Reads what the client wrote. Unknown members are left out of what a box gets: a later client may keep other secrets
/// there.
std::variant<Credential, NoCredential> read_credential(std::string_view text);

}  // namespace claudebox::plan
