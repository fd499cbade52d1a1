#include "runtime/host_networks.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "base/error.h"
#include "runtime/rtnetlink_batch.h"

namespace claudebox::runtime {
namespace {

using net::HostPrefix;
using net::Prefix;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using Kind = HostPrefix::Kind;

constexpr int kLoopback = 1;
constexpr int kNoNamespace = 77;

HostPrefix denied(const char* prefix, Kind kind) {
  return {Prefix::parse(prefix).value(), kind};
}

/// Runs `body` in a network of its own, with nothing but a loopback interface, which is down.
void in_own_network(const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) ::_exit(kNoNamespace);
    try {
      body();
    } catch (const base::Error& error) {
      ADD_FAILURE() << error.message();
    }
    std::fflush(nullptr);
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  if (WEXITSTATUS(status) == kNoNamespace) {
    const char* must_work = std::getenv("CLAUDEBOX_MUST_WORK");
    ASSERT_FALSE(must_work && std::string(must_work) == "1") << "no network of its own can be made here";
    GTEST_SKIP() << "no network of its own can be made here";
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

void loopback_up() {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = kLoopback;
  header.ifi_flags = header.ifi_change = IFF_UP;
  RtnetlinkBatch batch;
  batch.begin(RTM_NEWLINK, 0, &header, sizeof header, false);
  ASSERT_TRUE(batch.send()) << std::strerror(errno);
}

/// Adds (RTM_NEWADDR) or takes away (RTM_DELADDR) an address of the loopback interface.
void address(std::uint16_t type, const char* text, unsigned length, const char* peer = nullptr) {
  const auto own = net::Address::parse(text).value();
  const auto other = peer ? net::Address::parse(peer).value() : own;
  ifaddrmsg header{};
  header.ifa_family = own.is_v4() ? AF_INET : AF_INET6;
  header.ifa_prefixlen = static_cast<std::uint8_t>(length);
  header.ifa_flags = own.is_v4() ? 0 : IFA_F_NODAD;
  header.ifa_index = kLoopback;
  RtnetlinkBatch batch;
  batch.begin(type, type == RTM_NEWADDR ? NLM_F_CREATE : 0, &header, sizeof header, false);
  batch.attribute(IFA_LOCAL, own.bytes().data(), own.bytes().size());
  batch.attribute(IFA_ADDRESS, other.bytes().data(), other.bytes().size());
  ASSERT_TRUE(batch.send()) << text << ": " << std::strerror(errno);
}

/// A route by way of the loopback interface.
void route(std::uint16_t type, const char* text, std::uint32_t table) {
  const auto prefix = Prefix::parse(text).value();
  rtmsg header{};
  header.rtm_family = prefix.address.is_v4() ? AF_INET : AF_INET6;
  header.rtm_dst_len = static_cast<std::uint8_t>(prefix.length);
  header.rtm_table = RT_TABLE_UNSPEC;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = RT_SCOPE_LINK;
  header.rtm_type = RTN_UNICAST;
  const int interface = kLoopback;
  RtnetlinkBatch batch;
  batch.begin(type, type == RTM_NEWROUTE ? NLM_F_CREATE : 0, &header, sizeof header, false);
  batch.attribute(RTA_DST, prefix.address.bytes().data(), prefix.address.bytes().size());
  batch.attribute(RTA_OIF, &interface, sizeof interface);
  batch.attribute(RTA_TABLE, &table, sizeof table);
  ASSERT_TRUE(batch.send()) << text << ": " << std::strerror(errno);
}

bool is_readable(int descriptor) {
  pollfd one{.fd = descriptor, .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, 0) == 1;
}

TEST(HostNetworks, AreNoneOfAHostThatHasOnlyLoopback) {
  in_own_network([] {
    EXPECT_THAT(HostNetworks().read(), IsEmpty());
    loopback_up();
    EXPECT_THAT(HostNetworks().read(), IsEmpty());
  });
}

TEST(HostNetworks, AreItsAddressesPeersAndTheRoutesOfEveryTable) {
  in_own_network([] {
    loopback_up();
    address(RTM_NEWADDR, "45.80.10.10", 32);
    address(RTM_NEWADDR, "10.6.0.2", 32, "45.91.7.7");
    route(RTM_NEWROUTE, "45.91.0.0/16", 52);
    route(RTM_NEWROUTE, "45.92.0.0/16", 51820);
    route(RTM_NEWROUTE, "0.0.0.0/0", 51821);
    const auto prefixes = HostNetworks().read();
    EXPECT_THAT(prefixes,
                testing::IsSupersetOf(
                    {denied("45.80.10.10", Kind::own_address), denied("10.6.0.2", Kind::own_address),
                     denied("45.91.7.7", Kind::on_link), denied("45.91.0.0/16", Kind::on_link),
                     denied("45.92.0.0/16", Kind::on_link)}));
    for (const auto& one : prefixes) EXPECT_GE(one.prefix.length, 8U) << one.prefix.to_string();
  });
}

TEST(HostNetworks, AreThoseOfIPv6Too) {
  if (::access("/proc/net/if_inet6", F_OK) != 0) GTEST_SKIP() << "no IPv6 here";
  in_own_network([] {
    loopback_up();
    address(RTM_NEWADDR, "2a0e:1111:80::10", 128);
    route(RTM_NEWROUTE, "2a0e:1111:91::/48", 52);
    EXPECT_THAT(HostNetworks().read(), testing::IsSupersetOf({denied("2a0e:1111:80::10", Kind::own_address),
                                                              denied("2a0e:1111:91::/48", Kind::on_link)}));
  });
}

TEST(HostNetworks, AreSeenToChange) {
  in_own_network([] {
    loopback_up();
    HostNetworks host;
    EXPECT_FALSE(is_readable(host.descriptor())) << "what was before is not told";
    EXPECT_FALSE(host.changed());
    const auto expect_change = [&](const char* what) {
      EXPECT_TRUE(is_readable(host.descriptor())) << what;
      EXPECT_TRUE(host.changed()) << what;
      EXPECT_FALSE(is_readable(host.descriptor())) << what;
    };
    address(RTM_NEWADDR, "45.80.10.10", 32);
    expect_change("an address");
    EXPECT_THAT(host.read(), Contains(denied("45.80.10.10", Kind::own_address)));
    EXPECT_FALSE(host.changed()) << "asking is no change";
    address(RTM_DELADDR, "45.80.10.10", 32);
    expect_change("an address less");
    EXPECT_THAT(host.read(), Not(Contains(denied("45.80.10.10", Kind::own_address))));
    route(RTM_NEWROUTE, "45.91.0.0/16", 52);
    expect_change("a route in a table of its own");
    route(RTM_DELROUTE, "45.91.0.0/16", 52);
    expect_change("a route less");
  });
}

TEST(HostNetworks, AreSeenToChangeWhereMessagesWereLost) {
  in_own_network([] {
    loopback_up();
    HostNetworks host;
    const int small = 1;  // the kernel makes it a few messages
    ASSERT_EQ(::setsockopt(host.descriptor(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    for (int i = 0; i < 50; ++i) {
      address(RTM_NEWADDR, "45.80.10.10", 32);
      address(RTM_DELADDR, "45.80.10.10", 32);
    }
    EXPECT_TRUE(host.changed());
    EXPECT_FALSE(is_readable(host.descriptor()));
  });
}

TEST(HostNetworks, MayBeMany) {
  in_own_network([] {
    loopback_up();
    constexpr unsigned kMany = 3000;  // several datagrams of a dump
    for (unsigned i = 0; i < kMany; ++i)
      route(RTM_NEWROUTE, ("46." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".0/24").c_str(),
            52);
    EXPECT_EQ(HostNetworks().read().size(), kMany);
  });
}

TEST(HostNetworks, LeaveNoDescriptorToOtherPrograms) {
  const HostNetworks host;
  EXPECT_NE(::fcntl(host.descriptor(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(host.descriptor(), F_GETFL) & O_NONBLOCK, 0);
}

}  // namespace
}  // namespace claudebox::runtime
