#include "selftest/canary.h"

#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/error.h"

namespace claudebox::selftest {
namespace {

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
  sockaddr_un unix_socket;
};

/// Empty where the host has no such address.
sys::UniqueFd listen_on(const Address& address, socklen_t length) {
  sys::UniqueFd listener(::socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener || ::bind(listener.get(), &address.any, length) < 0 || ::listen(listener.get(), 4) < 0)
    return {};
  return listener;
}

std::uint16_t port_of(const sys::UniqueFd& listener) {
  Address address{};
  socklen_t length = sizeof address;
  if (::getsockname(listener.get(), &address.any, &length) < 0)
    base::throw_system_error(errno, "can't tell the selftest's own port");
  return ntohs(address.v4.sin_port);  // at the same place for both families
}

}  // namespace

std::string random_name() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number)
    base::throw_system_error(errno, "can't get a random number");
  return "claudebox-selftest-" + std::to_string(number);
}

void Canaries::add_port(const char* fact, sys::UniqueFd listener) {
  ports_.push_back(port_of(listener));
  canaries_.push_back(
      {"network.loopback", std::string(fact) + "=" + std::to_string(ports_.back()), std::move(listener)});
}

Canaries::Canaries(const plan::Plan& plan) {
  const bool own_network = plan.network.value != plan::Tier::full;
  if (own_network || plan.scope_abstract_sockets) {
    const std::string name = random_name();
    Address address{};
    address.unix_socket.sun_family = AF_UNIX;
    std::memcpy(address.unix_socket.sun_path + 1, name.data(), name.size());
    auto listener =
        listen_on(address, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size()));
    if (listener) canaries_.push_back({"sockets.abstract", "abstract=" + name, std::move(listener)});
  }
  if (!own_network) return;
  Address v4{};
  v4.v4 = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  if (auto listener = listen_on(v4, sizeof v4.v4)) add_port("port4", std::move(listener));
  Address v6{};
  v6.v6.sin6_family = AF_INET6;
  v6.v6.sin6_addr = in6addr_loopback;
  if (auto listener = listen_on(v6, sizeof v6.v6)) add_port("port6", std::move(listener));
}

std::vector<std::string> Canaries::facts() const {
  std::vector<std::string> out;
  out.reserve(canaries_.size());
  for (const auto& canary : canaries_) out.push_back(canary.fact);
  return out;
}

std::vector<std::string> Canaries::reached() const {
  std::vector<std::string> out;
  for (const auto& canary : canaries_) {
    const sys::UniqueFd visitor(::accept4(canary.listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (visitor) out.push_back(canary.claim);
  }
  return out;
}

}  // namespace claudebox::selftest
