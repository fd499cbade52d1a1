#include "gateway/link.h"

#include <gmock/gmock.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include "net/packet.h"
#include "sample_packets.h"

namespace claudebox::gateway {
namespace {

using sample::Bytes;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

constexpr const char* kBox = "198.51.100.100";
constexpr const char* kPublic = "8.8.8.8";
constexpr const char* kPrivate = "192.168.1.1";

struct Pair {
  Pair() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0)
      throw std::runtime_error("socketpair");
    ours = sys::UniqueFd(ends[0]);
    theirs = sys::UniqueFd(ends[1]);
  }
  sys::UniqueFd ours, theirs;
};

/// A link whose tun device, slirp4netns and supervisor are sockets of the test.
class LinkTest : public testing::Test {
 protected:
  LinkTest() { link_.connect(std::move(slirp_.theirs)); }

  void from_box(const Bytes& packet) {
    ASSERT_EQ(::write(tun_.ours.get(), packet.data(), packet.size()), static_cast<ssize_t>(packet.size()));
    turn();
  }

  void turn(std::chrono::milliseconds later = 0ms) {
    // Each has its descriptor: one turn each for the tun device and slirp4netns, and one to spare.
    for (int i = 0; i < 3; ++i) loop_.wait_once(0);
    link_.work(std::chrono::steady_clock::now() + later);
  }

  static std::vector<Bytes> drain(int fd) {
    std::vector<Bytes> out;
    Bytes buffer(70'000);
    ssize_t got = 0;
    while ((got = ::read(fd, buffer.data(), buffer.size())) > 0)
      out.emplace_back(buffer.begin(), buffer.begin() + got);
    return out;
  }

  /// Sends what is passed until slirp4netns, which reads nothing, has no room. The link then waits with one packet, and
  /// another is in the tun device.
  void fill() {
    drain(slirp_.ours.get());  // the introductions
    for (int i = 0; i < 100'000 && !full(); ++i) from_box(passed_);
    ASSERT_TRUE(full()) << "slirp4netns took 100,000 packets and read none";
  }

  /// Whether the link has left a packet in the tun device.
  bool full() {
    int unread = 0;
    return ::ioctl(tun_.theirs.get(), FIONREAD, &unread) == 0 && unread > 0;
  }

  const Bytes passed_ = sample::udp(kBox, kPublic);
  const Bytes denied_ = sample::tcp(kBox, kPrivate);
  Pair tun_, slirp_, control_;
  sys::EventLoop loop_;
  const net::PolicyRules rules_{
      .allowlist = false, .box_v4 = sample::address(kBox), .box_v6 = sample::address("fd00::100"), .lan = {}};
  net::Policy policy_{rules_};
  Reporter reporter_{control_.theirs.get()};
  Link link_{loop_, tun_.theirs.get(), rules_, policy_, reporter_};
};

TEST_F(LinkTest, PassesAndRefuses) {
  drain(slirp_.ours.get());
  from_box(passed_);
  const auto frames = drain(slirp_.ours.get());
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_TRUE(std::equal(passed_.begin(), passed_.end(), frames[0].begin() + kEthernetHeader));
  from_box(denied_);
  EXPECT_THAT(drain(slirp_.ours.get()), IsEmpty());
  const auto answers = drain(tun_.ours.get());
  ASSERT_THAT(answers, testing::Not(IsEmpty()));
  EXPECT_EQ(net::parse_packet(answers[0])->protocol, net::kIcmp);
}

TEST_F(LinkTest, LosesNothingWhileSlirpIsSlow) {
  fill();
  const std::size_t before = drain(slirp_.ours.get()).size();
  EXPECT_GT(before, 0U);
  turn();
  EXPECT_THAT(drain(slirp_.ours.get()), SizeIs(2)) << "the one that waited, and the one behind it";
  from_box(passed_);
  EXPECT_THAT(drain(slirp_.ours.get()), SizeIs(1));
}

TEST_F(LinkTest, RefusesAtOnceWhileSlirpIsStuck) {
  fill();
  from_box(denied_);
  EXPECT_THAT(drain(tun_.ours.get()), IsEmpty()) << "for a moment it waits";
  turn(60ms);
  turn();
  EXPECT_THAT(drain(tun_.ours.get()), testing::Not(IsEmpty()));
  from_box(passed_);
  from_box(denied_);
  EXPECT_THAT(drain(tun_.ours.get()), testing::Not(IsEmpty()))
      << "also behind a packet that slirp4netns has no room for";
}

TEST_F(LinkTest, GoesOnWhenSlirpDoes) {
  fill();
  turn(60ms);
  from_box(passed_);
  EXPECT_GT(drain(slirp_.ours.get()).size(), 0U);
  turn();
  from_box(passed_);
  EXPECT_THAT(drain(slirp_.ours.get()), SizeIs(1)) << "not the ones that were dropped";
}

TEST_F(LinkTest, HasNothingToDoWhileSlirpIsStuck) {
  fill();
  turn(60ms);
  turn(2s);  // the report of what passed
  EXPECT_EQ(link_.timeout(std::chrono::steady_clock::now()), -1);
}

TEST_F(LinkTest, StartsAfreshWithAnotherSlirp) {
  fill();
  turn(60ms);
  turn();
  Pair other;
  link_.connect(std::move(other.theirs));
  drain(other.ours.get());
  from_box(passed_);
  EXPECT_THAT(drain(other.ours.get()), SizeIs(1));
}

}  // namespace
}  // namespace claudebox::gateway
