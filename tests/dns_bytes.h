// DNS messages for tests, written by hand and not by the code under test.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "net/address.h"
#include "net/dns_message.h"

namespace claudebox::dns {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::uint16_t kCname = 5;
inline constexpr std::uint16_t kOpt = 41;

inline void put16(Bytes& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

inline void put(Bytes& out, const Bytes& more) {
  out.insert(out.end(), more.begin(), more.end());
}

/// "a.b" with its lengths. Labels are separated by dots and can't hold one.
inline Bytes name(std::string_view text) {
  Bytes out;
  while (!text.empty()) {
    const auto label = text.substr(0, text.find('.'));
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out.insert(out.end(), label.begin(), label.end());
    text.remove_prefix(label.size() == text.size() ? label.size() : label.size() + 1);
  }
  out.push_back(0);
  return out;
}

struct Record {
  Bytes owner{};
  std::uint16_t type = net::kTypeA;
  Bytes data{};
  std::uint32_t time_to_live = 60;
  std::uint16_t klass = 1;
};

/// An A or AAAA record.
inline Record address(std::string_view owner, std::string_view text, std::uint32_t time_to_live = 60) {
  const auto parsed = net::Address::parse(text);
  const auto bytes = parsed->bytes();
  return {name(owner), parsed->is_v4() ? net::kTypeA : net::kTypeAaaa, Bytes(bytes.begin(), bytes.end()),
          time_to_live};
}

inline Record cname(std::string_view owner, std::string_view target) {
  return {name(owner), kCname, name(target)};
}

inline void put(Bytes& out, const Record& record) {
  put(out, record.owner);
  put16(out, record.type);
  put16(out, record.klass);
  put16(out, record.time_to_live >> 16);
  put16(out, record.time_to_live & 0xffff);
  put16(out, static_cast<unsigned>(record.data.size()));
  put(out, record.data);
}

inline Bytes query(std::string_view text, std::uint16_t type = net::kTypeA, std::uint16_t id = 0x1234) {
  Bytes out;
  for (const unsigned value : {unsigned{id}, 0x0100U, 1U, 0U, 0U, 0U}) put16(out, value);
  put(out, name(text));
  put16(out, type);
  put16(out, 1);
  return out;
}

/// A record behind the others, in the section that the byte of the count says: 7 answer, 9 authority, 11 additional.
inline Bytes with(Bytes message, const Record& record, std::size_t count = 7) {
  put(message, record);
  ++message[count];
  return message;
}

/// An OPT record (RFC 6891).
inline Record opt(std::uint16_t size, std::uint32_t flags = 0, const Bytes& options = {}) {
  return {Bytes{0}, kOpt, options, flags, size};
}

/// An answer to a query without EDNS.
inline Bytes answer(Bytes query, std::initializer_list<Record> records, std::uint8_t code = 0) {
  query[2] = 0x81;
  query[3] = static_cast<std::uint8_t>(0x80 | code);
  for (const auto& record : records) query = with(std::move(query), record);
  return query;
}

inline std::uint16_t id(const Bytes& message) {
  return static_cast<std::uint16_t>(message.at(0) << 8 | message.at(1));
}

inline Bytes with_id(Bytes message, std::uint16_t id) {
  message.at(0) = static_cast<std::uint8_t>(id >> 8);
  message.at(1) = static_cast<std::uint8_t>(id & 0xff);
  return message;
}

inline int code(const Bytes& message) {
  return message.at(3) & 0x0f;
}

}  // namespace claudebox::dns
