#include "sys/fd.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>

#include "base/error.h"

namespace claudebox::sys {

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) base::throw_system_error(errno, "can't make a pipe");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

UniqueFd make_memory_file(const char* name, std::string_view content) {
  UniqueFd file(::memfd_create(name, MFD_CLOEXEC));
  if (!file) base::throw_system_error(errno, "can't make a file in memory");
  for (std::size_t at = 0; at < content.size();) {
    // pwrite leaves the offset at the start, where the reader begins.
    const ssize_t put =
        ::pwrite(file.get(), content.data() + at, content.size() - at, static_cast<off_t>(at));
    if (put < 0 && errno != EINTR) base::throw_system_error(errno, "can't write a file in memory");
    if (put > 0) at += static_cast<std::size_t>(put);
  }
  return file;
}

std::string read_all(int descriptor, std::size_t limit) {
  std::string out;
  char buffer[16384];
  while (true) {
    const ssize_t got = ::read(descriptor, buffer, sizeof buffer);
    if (got == 0) return out;
    if (got < 0) {
      if (errno == EINTR) continue;
      base::throw_system_error(errno, "can't read");
    }
    out.append(buffer, static_cast<std::size_t>(got));
    if (out.size() > limit) throw base::Error("more to read than expected");
  }
}

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(descriptor, bytes.data(), bytes.size());
    if (put < 0) {
      if (errno == EINTR) continue;
      base::throw_system_error(errno, "can't write");
    }
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

}  // namespace claudebox::sys
