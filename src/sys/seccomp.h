// The box's seccomp filter, finished.
#pragma once

#include <string_view>

namespace claudebox::sys {

/// The bytes of a BPF program, for bwrap's --add-seccomp-fd. Made at build time from sys/seccomp_policy.h, so
/// that no start pays for libseccomp. The view is valid for ever.
std::string_view box_seccomp_filter();

/// The gateway's, for seccomp(2). It speaks of descriptors by number; whoever installs it must have these.
std::string_view gateway_seccomp_filter();
inline constexpr int kGatewayControl = 3;  ///< the socket to the supervisor
inline constexpr int kGatewayEpoll = 4;
inline constexpr int kGatewayTun = 5;
inline constexpr int kGatewayUdp = 6;  ///< the name server's sockets
inline constexpr int kGatewayTcp = 7;
inline constexpr int kGatewayMaxDescriptor = 255;  ///< RLIMIT_NOFILE keeps numbers below

}  // namespace claudebox::sys
