// DNS messages as the resolver needs them (RFC 1035). Pure, over hostile bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "net/address.h"

namespace claudebox::net {

inline constexpr std::uint16_t kTypeA = 1;
inline constexpr std::uint16_t kTypeAaaa = 28;
inline constexpr std::uint16_t kTypeSvcb = 64;
inline constexpr std::uint16_t kTypeHttps = 65;
inline constexpr std::uint16_t kTypeAny = 255;

/// Response codes, RFC 1035 section 4.1.1.
inline constexpr std::uint8_t kNoError = 0;
inline constexpr std::uint8_t kFormatError = 1;
inline constexpr std::uint8_t kServerFailure = 2;
inline constexpr std::uint8_t kNoSuchName = 3;
inline constexpr std::uint8_t kNotImplemented = 4;
inline constexpr std::uint8_t kRefused = 5;

/// What servers may send us in one datagram: no fragments on any common network (RFC 9715).
inline constexpr std::uint16_t kMaxDatagram = 1232;

struct Question {
  std::uint16_t id = 0;
  std::string
      name{};  ///< lower case, labels joined by dots; bytes that are no printable ASCII as \DDD (RFC 4343)
  std::uint16_t type = 0;
  std::uint16_t klass = 0;
  std::size_t end = 0;  ///< where the question ends in the message
  bool operator==(const Question&) const = default;
};

/// The question of a query: no answer, a standard query, exactly one question with a name that parses and is not
/// compressed. Empty for anything else, which deserves a format error.
std::optional<Question> read_query(std::span<const std::uint8_t> message);

/// An answer without records: header and, where it can be read, the question of `query`, with `code`. Empty where the
/// query is too short to be answered at all.
std::vector<std::uint8_t> error_reply(std::span<const std::uint8_t> query, std::uint8_t code);

/// The query for a server, under an id of its own: made anew, so that nothing travels along that was not judged. What
/// the box wrote stays: the question byte by byte (some clients vary the case of letters and expect it back), the flags
/// RD, AD and CD, and of EDNS (RFC 6891) the version, DO and the size, the last at most kMaxDatagram.
std::vector<std::uint8_t> forwarded_query(std::span<const std::uint8_t> query, const Question& question,
                                          std::uint16_t id);

/// Whether `reply` answers the query that `question` was read from, asked under `id`.
bool is_reply_to(std::span<const std::uint8_t> reply, const Question& question, std::uint16_t id);

struct AddressRecord {
  Address address{};
  std::chrono::seconds time_to_live{};
  /// In the answer section, of class IN, and its owner is the name of the question or a CNAME's target from there.
  bool on_chain = false;
};

struct Answer {
  std::uint8_t code = 0;  ///< response code
  bool truncated = false;
  std::vector<AddressRecord> addresses{};  ///< of all sections
};

/// Reads the records of a reply to `question`. Empty where they can't be read. Records that hold addresses in other ways
/// (HTTPS, SVCB) make it empty, too: their hints would go around the judgement of addresses.
std::optional<Answer> read_answer(std::span<const std::uint8_t> reply, const Question& question);

}  // namespace claudebox::net
