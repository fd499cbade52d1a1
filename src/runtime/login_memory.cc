#include "runtime/login_memory.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "base/error.h"
#include "runtime/mount_tree.h"
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

sys::UniqueFd set_up_login_memory(const LoginMemorySpec& spec, int place) noexcept {
  constexpr std::uint64_t kAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  constexpr std::array kOptions{FileSystemOption{"mode", "0700"}, FileSystemOption{"size", "4m"},
                                FileSystemOption{"nr_inodes", "64"}, FileSystemOption{}};
  const sys::UniqueFd memory = make_file_system("tmpfs", kOptions.data(), kAttributes);
  if (!memory || !attach(memory, place)) return {};
  const sys::UniqueFd directory(::openat(memory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || !write_first(directory.get(), spec)) return {};
  constexpr std::array<std::uint8_t, 1> kHere{};
  const std::array<int, 1> descriptors{directory.get()};
  if (!sys::send_datagram(spec.descriptors, kHere, descriptors)) return {};
  return clone_tree(memory.get(), "", kAttributes | MOUNT_ATTR_RDONLY);
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
