#include "runtime/login_memory.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "base/error.h"
#include "sys/fd_passing.h"

namespace claudebox::runtime {
namespace {

bool write_first(int directory, const LoginMemorySpec& spec) noexcept {
  const int file = ::openat(directory, spec.name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool ok = ::write(file, spec.content, spec.length) == static_cast<ssize_t>(spec.length);
  return ::close(file) == 0 && ok;
}

}  // namespace

bool set_up_login_memory(const LoginMemorySpec& spec) noexcept {
  if (::mount("tmpfs", spec.place, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "mode=0700,size=4m,nr_inodes=64") < 0)
    return false;
  const int directory = ::open(spec.place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0 || !write_first(directory, spec)) return false;
  constexpr std::array<std::uint8_t, 1> kHere{};
  const std::array<int, 1> descriptors{directory};
  return sys::send_datagram(spec.descriptors, kHere, descriptors) &&
         ::dup3(directory, spec.placeholder, O_CLOEXEC) >= 0;
}

sys::UniqueFd take_login_memory(int socket) {
  std::array<std::uint8_t, 4> buffer{};
  auto datagram = sys::receive_datagram(socket, buffer, MSG_DONTWAIT);
  if (!datagram || datagram->descriptors.size() != 1)
    throw base::Error("the box's login was not handed over");
  sys::UniqueFd directory = std::move(datagram->descriptors.front());
  return directory;
}

}  // namespace claudebox::runtime
