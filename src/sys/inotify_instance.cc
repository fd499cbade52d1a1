#include "sys/inotify_instance.h"

#include <sys/inotify.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "sys/fd_passing.h"
#include "sys/try_for.h"

namespace claudebox::sys {

UniqueFd make_inotify() noexcept {
  UniqueFd made;
  int error = 0;
  try_for(std::chrono::seconds(1), std::chrono::milliseconds(10), [&] {
    made.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    error = made ? 0 : errno;
    return error != EMFILE;
  });
  if (!made) errno = error;
  return made;
}

void release_inotify(UniqueFd inotify) noexcept {
  std::array<int, 2> ends{-1, -1};
  if (!inotify || ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) < 0) return;
  const UniqueFd receiving(ends[0]);
  const UniqueFd sending(ends[1]);
  constexpr std::array<std::uint8_t, 1> kNothing{};
  const std::array<int, 2> unreachable{inotify.get(), receiving.get()};
  send_datagram(sending.get(), kNothing, unreachable);
  inotify.reset();  // before the sockets: whoever closes the last one waits
}

}  // namespace claudebox::sys
