#include "runtime/upstream.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace claudebox::runtime {
namespace {

constexpr std::size_t kMaxFile = std::size_t{64} * 1024;

std::string read_file(const std::string& path) {
  const sys::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  std::string text(kMaxFile, '\0');
  const ssize_t got = file ? ::read(file.get(), text.data(), text.size()) : -1;
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

bool same(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

/// An interface by its name, or as some tools write it, by its number. 0: neither.
std::uint32_t scope_id(const std::string& scope) {
  if (const unsigned index = ::if_nametoindex(scope.c_str()); index != 0) return index;
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(scope.data(), scope.data() + scope.size(), number);
  return error == std::errc() && end == scope.data() + scope.size() ? number : 0;
}

sockaddr_storage socket_address(const net::NameServer& server, std::uint16_t port) {
  sockaddr_storage storage{};
  const auto bytes = server.address.bytes();
  if (server.address.is_v4()) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::uint8_t*>(&v4->sin_addr));
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    std::copy(bytes.begin(), bytes.end(), v6->sin6_addr.s6_addr);
    if (!server.scope.empty()) v6->sin6_scope_id = scope_id(server.scope);
  }
  return storage;
}

}  // namespace

void UpstreamServers::refresh() {
  struct stat now{};
  if (::stat(path_.c_str(), &now) < 0) now = {};
  if (read_ && same(now, seen_)) return;
  read_ = true;
  seen_ = now;
  conf_ = net::parse_resolv_conf(read_file(path_));
  if (conf_.servers.empty())
    conf_.servers.push_back({.address = *net::Address::parse("127.0.0.1"), .scope = {}});
}

sys::UniqueFd UpstreamServers::open(unsigned attempt, bool tcp) {
  refresh();
  if (attempt >= conf_.servers.size()) return {};
  const auto address = socket_address(conf_.servers[attempt], port_);
  sys::UniqueFd socket(
      ::socket(address.ss_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto size = address.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  if (!socket) return {};
  const int connected =
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size));
  return connected == 0 || errno == EINPROGRESS ? std::move(socket) : sys::UniqueFd();
}

}  // namespace claudebox::runtime
