#include "net/dns_message.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace claudebox::net {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kHeader = 12;
constexpr int kMaxHops = 32;
constexpr std::size_t kMaxName = 255;  // as it travels, RFC 1035 section 2.3.4
constexpr std::size_t kMaxRecords = 512;
constexpr std::uint16_t kTypeCname = 5;

/// Reads on from a place in a message. After a read beyond the end `ok` is false.
class Cursor {
 public:
  Cursor(Bytes message, std::size_t at) : message_(message), at_(at) {}

  std::uint16_t u16() {
    const auto bytes = take(2);
    return bytes.empty() ? std::uint16_t{0} : static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
  }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  Bytes take(std::size_t size) {
    if (!ok_ || size > message_.size() - at_) {
      ok_ = false;
      return {};
    }
    const auto bytes = message_.subspan(at_, size);
    at_ += size;
    return bytes;
  }

  /// A name, possibly compressed. Pointers must lead backwards, so a loop is no name.
  std::string name() {
    std::string out;
    std::size_t at = at_;
    std::size_t travelled = 0;
    bool jumped = false;
    for (int hops = 0; ok_;) {
      if (at >= message_.size()) break;
      const std::size_t length = message_[at];
      if (length == 0) {
        if (!jumped) at_ = at + 1;
        return out;
      }
      if ((length & 0xc0) == 0xc0) {
        if (at + 1 >= message_.size() || ++hops > kMaxHops) break;
        const std::size_t target = (length & 0x3f) << 8 | message_[at + 1];
        if (target >= at) break;
        if (!jumped) at_ = at + 2;
        jumped = true;
        at = target;
        continue;
      }
      travelled += length + 1;
      if ((length & 0xc0) != 0 || length >= message_.size() - at || travelled >= kMaxName) break;
      if (!out.empty()) out += '.';
      if (!append_label(message_.subspan(at + 1, length), out)) break;
      at += length + 1;
    }
    ok_ = false;
    return {};
  }

  bool ok() const { return ok_; }
  std::size_t position() const { return at_; }

 private:
  /// A label that holds a dot or a NUL would look like another name.
  static bool append_label(Bytes label, std::string& out) {
    for (const std::uint8_t byte : label) {
      if (byte == '.' || byte == 0) return false;
      if (byte > ' ' && byte < 0x7f && byte != '\\') {
        out += static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte);
      } else {
        std::array<char, 5> escaped;
        std::snprintf(escaped.data(), escaped.size(), "\\%03u", byte);
        out += escaped.data();
      }
    }
    return true;
  }

  Bytes message_;
  std::size_t at_;
  bool ok_ = true;
};

std::uint16_t u16_at(Bytes message, std::size_t at) {
  return static_cast<std::uint16_t>(message[at] << 8 | message[at + 1]);
}

bool is_response(Bytes message) {
  return (message[2] & 0x80) != 0;
}

std::optional<Question> read_question(Bytes message) {
  if (message.size() < kHeader || (message[2] & 0x78) != 0 || u16_at(message, 4) != 1) return std::nullopt;
  Cursor cursor(message, kHeader);
  Question question{.id = u16_at(message, 0), .name = cursor.name()};
  question.type = cursor.u16();
  question.klass = cursor.u16();
  question.end = cursor.position();
  return cursor.ok() ? std::optional<Question>(std::move(question)) : std::nullopt;
}

}  // namespace

std::optional<Question> read_query(Bytes message) {
  if (message.size() < kHeader || is_response(message)) return std::nullopt;
  return read_question(message);
}

std::vector<std::uint8_t> error_reply(Bytes query, std::uint8_t code) {
  if (query.size() < kHeader) return {};
  const auto question = read_question(query);
  const std::size_t size = question ? question->end : kHeader;
  std::vector<std::uint8_t> reply(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(size));
  reply[2] = static_cast<std::uint8_t>(0x80 | (query[2] & 0x79));  // QR; opcode and RD as they were
  reply[3] = static_cast<std::uint8_t>(0x80 | (code & 0x0f));      // RA
  std::fill(reply.begin() + 4, reply.begin() + kHeader, std::uint8_t{0});
  reply[5] = question ? 1 : 0;
  return reply;
}

bool is_reply_to(Bytes reply, const Question& question, std::uint16_t id) {
  if (reply.size() < kHeader || !is_response(reply) || u16_at(reply, 0) != id) return false;
  const auto echoed = read_question(reply);
  return echoed && echoed->name == question.name && echoed->type == question.type &&
         echoed->klass == question.klass;
}

std::optional<Answer> read_answer(Bytes reply, const Question& question) {
  const auto echoed = read_question(reply);
  if (!echoed) return std::nullopt;
  Answer answer{.code = static_cast<std::uint8_t>(reply[3] & 0x0f), .truncated = (reply[2] & 0x02) != 0};
  const std::size_t answers = u16_at(reply, 6);
  const std::size_t records = answers + u16_at(reply, 8) + u16_at(reply, 10);
  if (records > kMaxRecords) return std::nullopt;
  std::vector<std::string> chain{question.name};
  Cursor cursor(reply, echoed->end);
  for (std::size_t i = 0; i < records; ++i) {
    const std::string owner = cursor.name();
    const std::uint16_t type = cursor.u16();
    cursor.u16();  // class
    const std::chrono::seconds time_to_live(cursor.u32());
    const std::size_t length = cursor.u16();
    const std::size_t at = cursor.position();
    const Bytes data = cursor.take(length);
    // A server that had no room cuts the message, sometimes within a record.
    if (!cursor.ok()) return answer.truncated ? std::optional<Answer>(answer) : std::nullopt;
    const bool on_chain = i < answers && std::find(chain.begin(), chain.end(), owner) != chain.end();
    if ((type == kTypeA && length == 4) || (type == kTypeAaaa && length == 16)) {
      answer.addresses.push_back(
          {.address = Address(data), .time_to_live = time_to_live, .on_chain = on_chain});
    } else if (type == kTypeCname && on_chain) {
      Cursor target(reply, at);
      chain.push_back(target.name());
      if (!target.ok()) return std::nullopt;
    } else if (type == kTypeA || type == kTypeAaaa || type == kTypeSvcb || type == kTypeHttps) {
      return std::nullopt;
    }
  }
  return answer;
}

}  // namespace claudebox::net
