// Each message lists its fields once, in `fields`; writing and reading walk the same list, so they can't differ.
#include "gateway/control.h"

#include <type_traits>

#include "base/error.h"

namespace claudebox::gateway {
namespace {

/// Appends what it is given. Numbers are little-endian.
class Writer {
 public:
  template <class T>
    requires std::is_integral_v<T>
  void operator()(const T& value) {
    auto rest = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i, rest >>= 8) bytes_.push_back(static_cast<std::uint8_t>(rest));
  }
  template <class T>
  void choice(const T& value, T /*last*/) {
    (*this)(static_cast<std::uint8_t>(value));
  }
  void operator()(const std::string& text) {
    size(text.size());
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }
  void operator()(const net::Address& address) {
    (*this)(static_cast<std::uint8_t>(address.bytes().size()));
    bytes_.insert(bytes_.end(), address.bytes().begin(), address.bytes().end());
  }
  void operator()(const net::Prefix& prefix) {
    (*this)(prefix.address);
    (*this)(static_cast<std::uint8_t>(prefix.length));
  }
  template <class T>
  void operator()(const std::vector<T>& list) {
    size(list.size());
    for (auto one : list) fields(*this, one);
  }
  std::vector<std::uint8_t> take() {
    if (bytes_.size() > kMaxMessage)
      throw base::Error("a message between claudebox and its gateway is too long");
    return std::move(bytes_);
  }

 private:
  void size(std::size_t size) {
    if (size > 0xffff) throw base::Error("a message between claudebox and its gateway is too long");
    (*this)(static_cast<std::uint16_t>(size));
  }
  std::vector<std::uint8_t> bytes_;
};

/// Reads what a Writer wrote. Anything else makes it fail, and from then on everything reads as zero.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  template <class T>
    requires std::is_integral_v<T>
  void operator()(T& value) {
    std::uint64_t number = 0;
    const auto bytes = take(sizeof(T));
    for (std::size_t i = 0; i < bytes.size(); ++i) number |= std::uint64_t{bytes[i]} << (8 * i);
    if (std::is_same_v<T, bool> && number > 1) failed_ = true;
    value = static_cast<T>(number);
  }
  template <class T>
  void choice(T& value, T last) {
    std::uint8_t number = 0;
    (*this)(number);
    if (number > static_cast<std::uint8_t>(last)) {
      failed_ = true;
      number = 0;
    }
    value = static_cast<T>(number);
  }
  void operator()(std::string& text) {
    const auto bytes = take(size());
    text.assign(bytes.begin(), bytes.end());
  }
  void operator()(net::Address& address) {
    std::uint8_t size = 0;
    (*this)(size);
    if (size != 4 && size != 16) failed_ = true;
    address = net::Address(take(size));
  }
  void operator()(net::Prefix& prefix) {
    std::uint8_t length = 0;
    (*this)(prefix.address);
    (*this)(length);
    if (length > prefix.address.bytes().size() * 8) failed_ = true;
    prefix = net::Prefix::of(prefix.address, failed_ ? 0U : length);
  }
  template <class T>
  void operator()(std::vector<T>& list) {
    const std::size_t count = size();
    for (std::size_t i = 0; i < count && !failed_; ++i) fields(*this, list.emplace_back());
  }
  bool done() const { return !failed_ && rest_.empty(); }

 private:
  std::size_t size() {
    std::uint16_t size = 0;
    (*this)(size);
    return size;
  }
  std::span<const std::uint8_t> take(std::size_t size) {
    if (failed_ || size > rest_.size()) {
      failed_ = true;
      return {};
    }
    const auto bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    return bytes;
  }

  std::span<const std::uint8_t> rest_;
  bool failed_ = false;
};

template <class A>
void fields(A& archive, net::Address& address) {
  archive(address);
}
template <class A>
void fields(A& archive, net::LanRule& rule) {
  archive(rule.prefix);
  archive(rule.port);
}
template <class A>
void fields(A& archive, net::HostPrefix& host) {
  archive(host.prefix);
  archive.choice(host.kind, net::HostPrefix::Kind::route);
}
template <class A>
void fields(A& archive, net::Grant& grant) {
  archive(grant.address);
  archive(grant.port);
  archive(grant.lan);
}
template <class A>
void fields(A& archive, AllowedName& name) {
  archive(name.pattern);
  archive(name.lan);
  archive(name.port);
}
template <class A>
void fields(A& archive, Configure& message) {
  archive(message.rules.allowlist);
  archive(message.rules.box_v4);
  archive(message.rules.box_v6);
  archive(message.rules.lan);
  archive(message.names);
}
template <class A>
void fields(A& archive, HostPrefixes& message) {
  archive(message.prefixes);
  archive(message.more);
}
template <class A>
void fields(A& archive, Grants& message) {
  archive(message.grants);
}
template <class A>
void fields(A&, SlirpSocket&) {}
template <class A>
void fields(A& archive, Upstream& message) {
  archive(message.id);
}
template <class A>
void fields(A&, Confined&) {}
template <class A>
void fields(A& archive, WantUpstream& message) {
  archive(message.id);
  archive(message.attempt);
  archive(message.tcp);
}
template <class A>
void fields(A& archive, Granted& message) {
  fields(archive, message.grant);
}
template <class A>
void fields(A& archive, LookedUp& message) {
  archive(message.name);
  archive(message.type);
  archive.choice(message.result, LookedUp::Result::failed);
  archive(message.addresses);
}
template <class A>
void fields(A& archive, Denied& message) {
  archive(message.protocol);
  archive(message.address);
  archive(message.port);
  archive(message.reason);
  archive(message.incoming);
  archive(message.count);
}
template <class A>
void fields(A& archive, Reached& message) {
  archive(message.protocol);
  archive(message.address);
  archive(message.port);
  archive(message.out);
  archive(message.in);
}
template <class A>
void fields(A&, SlirpLost&) {}

template <std::size_t Index = 0>
std::optional<Message> read_kind(std::size_t kind, Reader& reader) {
  if constexpr (Index < std::variant_size_v<Message>) {
    if (kind != Index) return read_kind<Index + 1>(kind, reader);
    std::variant_alternative_t<Index, Message> message;
    fields(reader, message);
    return reader.done() ? std::optional<Message>(std::move(message)) : std::nullopt;
  } else {
    return std::nullopt;
  }
}

}  // namespace

std::vector<std::uint8_t> encode(const Message& message) {
  Writer writer;
  writer(static_cast<std::uint8_t>(message.index()));
  auto copy = message;  // the list of fields is one for reading and writing, so it can't be const
  std::visit([&](auto& one) { fields(writer, one); }, copy);
  return writer.take();
}

std::optional<Message> decode(std::span<const std::uint8_t> bytes) {
  Reader reader(bytes);
  std::uint8_t kind = 0;
  reader(kind);
  return read_kind(kind, reader);
}

}  // namespace claudebox::gateway
