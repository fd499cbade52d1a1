// Theory of operation
//
// No policy lives in this namespace: whatever a process of the box does with its sockets, a packet that leaves comes out
// of the one tun device, and the gateway holds its other end. There is no neighbour, no prefix on link and no broadcast
// on a tun device, so nothing of the host's networks is shadowed, and IPv6 works at once: there is nobody to detect a
// duplicate address of.
//
// The name server's address is on lo. Sockets bound there are served by the gateway, from outside.
#include "runtime/box_network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "runtime/rtnetlink_batch.h"
#include "sys/fd_passing.h"

namespace claudebox::runtime {
namespace {

constexpr const char* kDevice = "tun0";
constexpr int kLoopback = 1;  // lo is the first interface of every namespace
constexpr std::uint32_t kMtu = 65520;
constexpr int kBacklog = 64;
constexpr std::uint16_t kDnsPort = 53;
constexpr std::size_t kMaxHandedOut = 3 + 2 * kMaxReachedPorts;

/// ping(8) without privilege. The numbers are read in the writer's user namespace, where the user's group is 0. Where
/// /proc/sys is read-only, as in containers, ping does not work and nothing else is lost.
void allow_ping() noexcept {
  const int file = ::open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  [[maybe_unused]] const auto ignored = ::write(file, "0 0", 3);
  ::close(file);
}

int make_tun() noexcept {
  const int tun = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (tun < 0) return -1;
  ifreq request{};
  std::memcpy(request.ifr_name, kDevice, std::strlen(kDevice));
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (::ioctl(tun, TUNSETIFF, &request) < 0 || ::ioctl(tun, TUNSETPERSIST, 1) < 0) {
    const int saved = errno;
    ::close(tun);
    errno = saved;
    return -2;
  }
  return tun;
}

void add_link_up(RtnetlinkBatch& batch, int index) noexcept {
  ifinfomsg link{};
  link.ifi_index = index;
  link.ifi_flags = link.ifi_change = IFF_UP;
  batch.begin(RTM_NEWLINK, 0, &link, sizeof link, false);
}

/// No link-local address: the box has the two that it is given.
void add_no_generated_address(RtnetlinkBatch& batch, int index) noexcept {
  ifinfomsg link{};
  link.ifi_index = index;
  batch.begin(RTM_NEWLINK, 0, &link, sizeof link, true);
  const std::size_t all = batch.begin_nest(IFLA_AF_SPEC);
  const std::size_t v6 = batch.begin_nest(AF_INET6);
  const std::uint8_t mode = IN6_ADDR_GEN_MODE_NONE;
  batch.attribute(IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof mode);
  batch.end_nest(v6);
  batch.end_nest(all);
}

void add_address(RtnetlinkBatch& batch, int index, int family, const void* address,
                 std::size_t size) noexcept {
  ifaddrmsg message{};
  message.ifa_family = static_cast<std::uint8_t>(family);
  message.ifa_prefixlen = static_cast<std::uint8_t>(size * 8);
  message.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0;
  message.ifa_index = static_cast<std::uint32_t>(index);
  batch.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &message, sizeof message, family == AF_INET6);
  batch.attribute(IFA_LOCAL, address, size);
  batch.attribute(IFA_ADDRESS, address, size);
}

void add_default_route(RtnetlinkBatch& batch, int index, int family) noexcept {
  rtmsg route{};
  route.rtm_family = static_cast<std::uint8_t>(family);
  route.rtm_table = RT_TABLE_MAIN;
  route.rtm_protocol = RTPROT_STATIC;
  route.rtm_scope = RT_SCOPE_LINK;
  route.rtm_type = RTN_UNICAST;
  batch.begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &route, sizeof route, family == AF_INET6);
  batch.attribute(RTA_OIF, &index, sizeof index);
}

bool configure(const BoxNetworkSpec& spec, int tun_index) noexcept {
  RtnetlinkBatch batch;
  add_link_up(batch, kLoopback);
  if (spec.tun) {
    add_address(batch, kLoopback, AF_INET, &spec.resolver, sizeof spec.resolver);
    add_no_generated_address(batch, tun_index);
    add_link_up(batch, tun_index);
    batch.attribute(IFLA_MTU, &kMtu, sizeof kMtu);
    add_address(batch, tun_index, AF_INET, &spec.box_v4, sizeof spec.box_v4);
    add_address(batch, tun_index, AF_INET6, &spec.box_v6, sizeof spec.box_v6);
    add_default_route(batch, tun_index, AF_INET);
    add_default_route(batch, tun_index, AF_INET6);
  }
  return batch.send();
}

int index_of_tun() noexcept {
  const int control = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) return -1;
  ifreq request{};
  std::memcpy(request.ifr_name, kDevice, std::strlen(kDevice));
  const bool ok = ::ioctl(control, SIOCGIFINDEX, &request) == 0;
  const int saved = errno;
  ::close(control);
  errno = saved;
  return ok ? request.ifr_ifindex : -1;
}

int bind_socket(int type, const void* address, socklen_t size) noexcept {
  const int family = static_cast<const sockaddr*>(address)->sa_family;
  const int socket = ::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return -1;
  if (::bind(socket, static_cast<const sockaddr*>(address), size) < 0 ||
      (type == SOCK_STREAM && ::listen(socket, kBacklog) < 0)) {
    const int saved = errno;
    ::close(socket);
    errno = saved;
    return -1;
  }
  return socket;
}

int bind_v4(int type, in_addr address, std::uint16_t port) noexcept {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr = address;
  return bind_socket(type, &where, sizeof where);
}

int listen_v6_loopback(std::uint16_t port) noexcept {
  sockaddr_in6 where{};
  where.sin6_family = AF_INET6;
  where.sin6_port = htons(port);
  where.sin6_addr = in6addr_loopback;
  return bind_socket(SOCK_STREAM, &where, sizeof where);
}

/// The descriptors on their way out, and for each port how many listeners it has.
struct HandOut {
  std::array<int, kMaxHandedOut> descriptors{};
  std::size_t descriptor_count = 0;
  std::array<std::uint8_t, kMaxReachedPorts + 1> listeners{};

  void add(int descriptor) noexcept { descriptors[descriptor_count++] = descriptor; }
};

bool make_resolver_sockets(const BoxNetworkSpec& spec, HandOut& out) noexcept {
  for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
    const int socket = bind_v4(type, spec.resolver, kDnsPort);
    if (socket < 0) return false;
    out.add(socket);
  }
  return true;
}

bool make_listeners(const BoxNetworkSpec& spec, HandOut& out) noexcept {
  for (std::size_t i = 0; i < spec.reach_count; ++i) {
    in_addr loopback{};
    loopback.s_addr = htonl(INADDR_LOOPBACK);
    const int v4 = bind_v4(SOCK_STREAM, loopback, spec.reach[i]);
    if (v4 < 0) return false;
    out.add(v4);
    const int v6 = listen_v6_loopback(spec.reach[i]);
    if (v6 >= 0) out.add(v6);
    out.listeners[i] = v6 >= 0 ? 2 : 1;
  }
  return true;
}

}  // namespace

BoxNetworkSpec make_box_network_spec(const plan::Plan& plan, const std::vector<std::uint16_t>& reach,
                                     int descriptors) {
  BoxNetworkSpec spec{.tun = plan.has_gateway(), .reach = reach.data(), .reach_count = reach.size()};
  if (spec.reach_count > kMaxReachedPorts)
    throw base::Error("too many ports to reach: at most " + std::to_string(kMaxReachedPorts));
  if (spec.tun || spec.reach_count > 0) spec.descriptors = descriptors;
  const auto& network = plan.net;
  if (::inet_pton(AF_INET, network.box_v4.c_str(), &spec.box_v4) != 1 ||
      ::inet_pton(AF_INET6, network.box_v6.c_str(), &spec.box_v6) != 1 ||
      ::inet_pton(AF_INET, network.resolver.c_str(), &spec.resolver) != 1)
    throw base::Error("the plan's network has no usable addresses");
  return spec;
}

NetworkStep set_up_box_network(const BoxNetworkSpec& spec) noexcept {
  HandOut out;
  int tun_index = 0;
  if (spec.tun) {
    allow_ping();
    const int tun = make_tun();
    if (tun < 0) return tun == -1 ? NetworkStep::tun_open : NetworkStep::tun_make;
    out.add(tun);
    tun_index = index_of_tun();
    if (tun_index < 0) return NetworkStep::tun_make;
  }
  if (!configure(spec, tun_index)) return spec.tun ? NetworkStep::configure : NetworkStep::loopback;
  if (spec.tun && !make_resolver_sockets(spec, out)) return NetworkStep::resolver;
  if (!make_listeners(spec, out)) return NetworkStep::reach;
  if (spec.descriptors < 0) return NetworkStep::none;
  const bool sent = sys::send_datagram(spec.descriptors, std::span(out.listeners).first(spec.reach_count + 1),
                                       std::span(out.descriptors).first(out.descriptor_count));
  return sent ? NetworkStep::none : NetworkStep::hand_over;
}

BoxNetwork take_box_network(int socket, const BoxNetworkSpec& spec) {
  BoxNetwork network;
  if (spec.descriptors < 0) return network;
  std::array<std::uint8_t, kMaxReachedPorts + 1> buffer{};
  auto datagram = sys::receive_datagram(socket, buffer, MSG_DONTWAIT);
  if (!datagram || datagram->bytes.size() != spec.reach_count + 1)
    throw base::Error("the box's network was not handed over");
  auto next = datagram->descriptors.begin();
  const auto take = [&] {
    if (next == datagram->descriptors.end()) throw base::Error("a part of the box's network is missing");
    return std::move(*next++);
  };
  if (spec.tun) {
    network.tun = take();
    network.udp = take();
    network.tcp = take();
  }
  for (std::size_t i = 0; i < spec.reach_count; ++i) {
    network.reach.push_back(take());
    network.reach.push_back(datagram->bytes[i] == 2 ? take() : sys::UniqueFd());
  }
  return network;
}

}  // namespace claudebox::runtime
