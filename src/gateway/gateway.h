// The gateway: a process of its own, in which every packet of a box is judged and its names are looked up.
#pragma once

namespace claudebox::gateway {

/// How claudebox calls itself to become one.
inline constexpr const char* kGatewayArgument = "__gateway";

/// The whole life of the process: `claudebox __gateway`, executed with an empty environment and the control socket as
/// descriptor 3. Gives its exit status. Ends when the supervisor closes the socket.
int run() noexcept;

}  // namespace claudebox::gateway
