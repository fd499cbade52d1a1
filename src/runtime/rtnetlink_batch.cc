#include "runtime/rtnetlink_batch.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace claudebox::runtime {

void* RtnetlinkBatch::grow(std::size_t size) noexcept {
  const std::size_t aligned = NLMSG_ALIGN(size);
  if (overflow_ || aligned > sizeof buffer_ - used_) {
    overflow_ = true;
    return nullptr;
  }
  void* at = buffer_ + used_;
  used_ += aligned;
  return at;
}

void RtnetlinkBatch::begin(std::uint16_t type, std::uint16_t flags, const void* header, std::size_t size,
                           bool optional) noexcept {
  start_ = used_;
  void* at = grow(NLMSG_LENGTH(size));
  if (!at) return;
  auto* message = static_cast<nlmsghdr*>(at);
  message->nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(size));
  message->nlmsg_type = type;
  message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  message->nlmsg_seq = count_;
  std::memcpy(NLMSG_DATA(message), header, size);
  if (optional) optional_ |= 1U << count_;
  ++count_;
}

void RtnetlinkBatch::attribute(std::uint16_t type, const void* data, std::size_t size) noexcept {
  void* at = grow(RTA_LENGTH(size));
  if (!at) return;
  auto* attribute = static_cast<rtattr*>(at);
  attribute->rta_type = type;
  attribute->rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size));
  if (size > 0) std::memcpy(RTA_DATA(attribute), data, size);
  current()->nlmsg_len = static_cast<std::uint32_t>(used_ - start_);
}

std::size_t RtnetlinkBatch::begin_nest(std::uint16_t type) noexcept {
  const std::size_t nest = used_;
  attribute(static_cast<std::uint16_t>(type | NLA_F_NESTED), nullptr, 0);
  return nest;
}

void RtnetlinkBatch::end_nest(std::size_t nest) noexcept {
  if (overflow_) return;
  reinterpret_cast<rtattr*>(buffer_ + nest)->rta_len = static_cast<std::uint16_t>(used_ - nest);
}

bool RtnetlinkBatch::send() noexcept {
  if (overflow_) {
    errno = EMSGSIZE;
    return false;
  }
  const int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (socket < 0) return false;
  const sockaddr_nl kernel{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  const bool ok = ::sendto(socket, buffer_, used_, 0, reinterpret_cast<const sockaddr*>(&kernel),
                           sizeof kernel) == static_cast<ssize_t>(used_) &&
                  await_acknowledgements(socket);
  const int saved = errno;
  ::close(socket);
  errno = saved;
  return ok;
}

bool RtnetlinkBatch::await_acknowledgements(int socket) noexcept {
  alignas(nlmsghdr) unsigned char answer[4096];
  int error = 0;
  for (std::uint32_t left = count_; left > 0;) {
    const ssize_t got = ::recv(socket, answer, sizeof answer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    auto rest = static_cast<unsigned>(got);
    for (auto* message = reinterpret_cast<nlmsghdr*>(answer); NLMSG_OK(message, rest) && left > 0;
         message = NLMSG_NEXT(message, rest)) {
      if (message->nlmsg_type != NLMSG_ERROR) continue;
      --left;
      const int result = -static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error;
      const bool optional = message->nlmsg_seq < 32 && ((optional_ >> message->nlmsg_seq) & 1U) != 0;
      if (result != 0 && !optional && error == 0) error = result;
    }
  }
  errno = error;
  return error == 0;
}

}  // namespace claudebox::runtime
