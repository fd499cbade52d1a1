#include "sys/inotify_instance.h"

#include <sys/inotify.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <ctime>

#include "sys/fd_passing.h"

namespace claudebox::sys {

UniqueFd make_inotify() noexcept {
  constexpr int kTries = 100;
  constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 10'000'000};
  for (int tries = 0;; ++tries) {
    UniqueFd made(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (made || errno != EMFILE || tries == kTries) return made;
    ::nanosleep(&kPause, nullptr);
    errno = EMFILE;
  }
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
