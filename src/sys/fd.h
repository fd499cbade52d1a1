// Owned descriptors and what is done with them. Everything is opened close-on-exec.
#pragma once

#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>

namespace claudebox::sys {

/// Owns one descriptor. Move-only.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int descriptor) : fd_(descriptor) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int descriptor = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = descriptor;
  }

 private:
  int fd_ = -1;
};

struct Pipe {
  UniqueFd read, write;
};

/// pipe2(2) with O_CLOEXEC. Throws.
Pipe make_pipe();

/// A memfd that holds `content`, positioned at its start. Throws.
UniqueFd make_memory_file(const char* name, std::string_view content);

/// Everything until end of file, EINTR handled. Throws, also beyond `limit` bytes.
std::string read_all(int descriptor, std::size_t limit = 16U << 20);

/// All bytes, EINTR and short writes handled. Throws.
void write_all(int descriptor, std::string_view bytes);

}  // namespace claudebox::sys
