// One rtnetlink(7) request of several messages, in a fixed buffer. For children after a clone: C rules.
#pragma once

#include <linux/rtnetlink.h>

#include <cstddef>
#include <cstdint>

namespace claudebox::runtime {

class RtnetlinkBatch {
 public:
  /// Begins a message. `optional`: the kernel may refuse it.
  void begin(std::uint16_t type, std::uint16_t flags, const void* header, std::size_t size,
             bool optional) noexcept;
  void attribute(std::uint16_t type, const void* data, std::size_t size) noexcept;
  /// Begins an attribute that holds others; gives what `end_nest` wants.
  std::size_t begin_nest(std::uint16_t type) noexcept;
  void end_nest(std::size_t nest) noexcept;

  /// Sends all and waits for every acknowledgement. False with errno set where the kernel refused a message that is
  /// not optional, or the buffer was too small.
  bool send() noexcept;

 private:
  void* grow(std::size_t size) noexcept;
  nlmsghdr* current() noexcept { return reinterpret_cast<nlmsghdr*>(buffer_ + start_); }
  bool await_acknowledgements(int socket) noexcept;

  alignas(nlmsghdr) unsigned char buffer_[1024] = {};
  std::size_t used_ = 0;
  std::size_t start_ = 0;  ///< of the message that is being written
  std::uint32_t count_ = 0;
  std::uint32_t optional_ = 0;  ///< a bit for each message
  bool overflow_ = false;
};

}  // namespace claudebox::runtime
