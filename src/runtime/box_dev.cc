#include "runtime/box_dev.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "runtime/mount_tree.h"

namespace claudebox::runtime {
namespace {

/// No MOUNT_ATTR_NODEV: these are to be opened.
bool add_device(int dev, const char* name, const char* host_path) noexcept {
  const sys::UniqueFd device = clone_tree(AT_FDCWD, host_path, MOUNT_ATTR_NOSUID);
  if (!device || ::mknodat(dev, name, S_IFREG | 0444, 0) < 0) return false;
  const sys::UniqueFd place(::openat(dev, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  return place && attach(device, place.get());
}

bool add_pseudo_terminals(int dev) noexcept {
  constexpr std::array kOptions{FileSystemOption{"newinstance"}, FileSystemOption{"ptmxmode", "0666"},
                                FileSystemOption{"mode", "0620"}, FileSystemOption{}};
  const sys::UniqueFd devpts =
      make_file_system("devpts", kOptions.data(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (!devpts || ::mkdirat(dev, "pts", 0755) < 0) return false;
  const sys::UniqueFd place(::openat(dev, "pts", O_PATH | O_DIRECTORY | O_CLOEXEC));
  return place && attach(devpts, place.get()) && ::symlinkat("pts/ptmx", dev, "ptmx") == 0;
}

}  // namespace

bool set_up_box_dev(int place, const char* terminal) noexcept {
  constexpr std::array kOptions{FileSystemOption{"mode", "0755"}, FileSystemOption{}};
  const sys::UniqueFd dev = make_file_system("tmpfs", kOptions.data(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (!dev || !attach(dev, place)) return false;

  struct Node {
    const char* name;
    const char* path;
  };
  for (const auto& node :
       {Node{"null", "/dev/null"}, Node{"zero", "/dev/zero"}, Node{"full", "/dev/full"},
        Node{"random", "/dev/random"}, Node{"urandom", "/dev/urandom"}, Node{"tty", "/dev/tty"}})
    if (!add_device(dev.get(), node.name, node.path)) return false;
  for (const auto& link :
       {Node{"stdin", "/proc/self/fd/0"}, Node{"stdout", "/proc/self/fd/1"},
        Node{"stderr", "/proc/self/fd/2"}, Node{"fd", "/proc/self/fd"}, Node{"core", "/proc/kcore"}})
    if (::symlinkat(link.path, dev.get(), link.name) < 0) return false;
  return ::mkdirat(dev.get(), "shm", 0755) == 0 && add_pseudo_terminals(dev.get()) &&
         (!terminal || add_device(dev.get(), "console", terminal));
}

}  // namespace claudebox::runtime
