#include "sys/release_later.h"

#include <sys/socket.h>

#include <array>

#include "sys/fd_passing.h"

namespace claudebox::sys {

void release_later(UniqueFd descriptor) noexcept {
  std::array<int, 2> ends{-1, -1};
  if (!descriptor || ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) < 0) return;
  const UniqueFd receiving(ends[0]);
  const UniqueFd sending(ends[1]);
  constexpr std::array<std::uint8_t, 1> kNothing{};
  const std::array<int, 2> unreachable{descriptor.get(), receiving.get()};
  send_datagram(sending.get(), kNothing, unreachable);
  descriptor.reset();  // before the sockets: whoever closes the last one waits
}

}  // namespace claudebox::sys
