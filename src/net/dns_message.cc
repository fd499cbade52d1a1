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
constexpr std::uint16_t kTypeOpt = 41;  // RFC 6891 section 6.1
constexpr std::uint16_t kInternet = 1;
constexpr std::uint16_t kMinDatagram = 512;

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

  /// A name, possibly compressed. Pointers lead backwards, never into the header, and are few, so a loop is no name.
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
        if (target >= at || target < kHeader) break;
        if (!jumped) at_ = at + 2;
        jumped = true;
        compressed_ = true;
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
  bool compressed() const { return compressed_; }  ///< whether a name was so far
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
  bool compressed_ = false;
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
  // Nothing is before it that a pointer could mean, and a server might understand one in another way than this.
  if (!cursor.ok() || cursor.compressed()) return std::nullopt;
  return question;
}

struct Record {
  std::string owner{};
  std::uint16_t type = 0;
  std::uint16_t klass = 0;
  std::uint32_t time_to_live = 0;
  std::size_t at = 0;  ///< where the data begins
  Bytes data{};
};

std::optional<Record> read_record(Cursor& cursor) {
  Record record{.owner = cursor.name()};
  record.type = cursor.u16();
  record.klass = cursor.u16();
  record.time_to_live = cursor.u32();
  const std::size_t length = cursor.u16();
  record.at = cursor.position();
  record.data = cursor.take(length);
  return cursor.ok() ? std::optional<Record>(std::move(record)) : std::nullopt;
}

std::size_t record_count(Bytes message) {
  return std::size_t{u16_at(message, 6)} + u16_at(message, 8) + u16_at(message, 10);
}

std::optional<Record> find_opt(Bytes query, const Question& question) {
  const std::size_t records = std::min(record_count(query), kMaxRecords);
  Cursor cursor(query, question.end);
  for (std::size_t i = 0; i < records; ++i) {
    auto record = read_record(cursor);
    if (!record || record->type == kTypeOpt) return record;
  }
  return std::nullopt;
}

void put_u16(std::uint16_t value, std::vector<std::uint8_t>& out) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value & 0xff));
}

/// The client's version and its wish for DNSSEC records. Its options are between it and the server that it talks to.
void put_opt(const Record& opt, std::vector<std::uint8_t>& out) {
  out.push_back(0);  // the root
  put_u16(kTypeOpt, out);
  put_u16(std::clamp(opt.klass, kMinDatagram, kMaxDatagram), out);
  put_u16(static_cast<std::uint16_t>(opt.time_to_live >> 16 & 0xff), out);  // no extended code; version
  put_u16(static_cast<std::uint16_t>(opt.time_to_live & 0x8000), out);      // DO
  put_u16(0, out);
}

std::chrono::seconds lifetime(const Record& record) {
  // RFC 2181 section 8: with the highest bit set it means 0.
  return std::chrono::seconds(record.time_to_live > 0x7fffffff ? 0 : record.time_to_live);
}

/// Adds what `record` says to `answer`; false where it can't be judged.
bool read_into(Bytes reply, const Record& record, bool in_answer, std::vector<std::string>& chain,
               Answer& answer) {
  const bool on_chain = in_answer && record.klass == kInternet &&
                        std::find(chain.begin(), chain.end(), record.owner) != chain.end();
  switch (record.type) {
    case kTypeA:
    case kTypeAaaa:
      if (record.data.size() != (record.type == kTypeA ? 4 : 16)) return false;
      answer.addresses.push_back(
          {.address = Address(record.data), .time_to_live = lifetime(record), .on_chain = on_chain});
      return true;
    case kTypeCname: {
      if (!on_chain) return true;
      Cursor target(reply, record.at);
      chain.push_back(target.name());
      return target.ok();
    }
    case kTypeSvcb:
    case kTypeHttps:
      return false;
    default:
      return true;
  }
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

std::vector<std::uint8_t> forwarded_query(Bytes query, const Question& question, std::uint16_t id) {
  std::vector<std::uint8_t> out;
  put_u16(id, out);
  out.push_back(query[2] & 0x01);  // RD
  out.push_back(query[3] & 0x30);  // AD, CD
  const auto opt = find_opt(query, question);
  for (const int count : {1, 0, 0, opt ? 1 : 0}) put_u16(static_cast<std::uint16_t>(count), out);
  const auto asked = query.subspan(kHeader, question.end - kHeader);
  out.insert(out.end(), asked.begin(), asked.end());
  if (opt) put_opt(*opt, out);
  return out;
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
  const std::size_t records = record_count(reply);
  if (records > kMaxRecords) return std::nullopt;
  std::vector<std::string> chain{question.name};
  Cursor cursor(reply, echoed->end);
  for (std::size_t i = 0; i < records; ++i) {
    const auto record = read_record(cursor);
    // A server that had no room cuts the message, sometimes within a record.
    if (!record) return answer.truncated ? std::optional<Answer>(std::move(answer)) : std::nullopt;
    if (!read_into(reply, *record, i < u16_at(reply, 6), chain, answer)) return std::nullopt;
  }
  return answer;
}

}  // namespace claudebox::net
