#include "runtime/gateway_process.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "gateway/gateway.h"
#include "sys/fd_passing.h"
#include "sys/seccomp.h"

namespace claudebox::runtime {
namespace {

/// Should: run right after the clone. Mustn't: allocate, throw, return. A gateway that can't be executed is seen by the
/// end of its socket.
[[noreturn]] void become_gateway(int control, int alive) noexcept {
  if (!sys::tie_to_parent(alive)) ::_exit(125);
  ::setsid();  // Ctrl-C and Ctrl-Z of the terminal are the command's
  if (::dup2(control, sys::kGatewayControl) < 0 || ::fcntl(sys::kGatewayControl, F_SETFD, 0) < 0)
    ::_exit(125);
  char name[] = "claudebox";
  char role[] = "__gateway";
  static_assert(std::string_view("__gateway") == gateway::kGatewayArgument);
  char* const arguments[] = {name, role, nullptr};
  char* const no_environment[] = {nullptr};
  ::execve("/proc/self/exe", arguments, no_environment);
  ::_exit(125);
}

}  // namespace

GatewayProcess::GatewayProcess() {
  sys::SocketPair pair = sys::make_socket_pair();
  alive_ = sys::make_life_lock();
  process_ = sys::clone_child(0);
  if (process_.pid == 0) {
    ::close(pair.first.get());
    become_gateway(pair.second.get(), alive_.get());
  }
  if (process_.pid < 0)
    base::throw_system_error(-process_.pid, "can't start the gateway of the box's network");
  control_ = std::move(pair.first);
}

bool GatewayProcess::send(const gateway::Message& message, std::span<const int> descriptors) noexcept {
  return sys::send_datagram(control_.get(), gateway::encode(message), descriptors);
}

GatewayProcess::Read GatewayProcess::receive(gateway::Message& message) {
  const auto datagram = sys::receive_datagram(control_.get(), buffer_, MSG_DONTWAIT);
  if (!datagram) return errno == EAGAIN ? Read::nothing : Read::end;
  if (datagram->bytes.empty() || !datagram->descriptors.empty()) return Read::end;
  auto decoded = gateway::decode(datagram->bytes);
  if (!decoded) return Read::end;
  message = std::move(*decoded);
  return Read::message;
}

void GatewayProcess::finish() noexcept {
  ::shutdown(control_.get(), SHUT_WR);
}

}  // namespace claudebox::runtime
