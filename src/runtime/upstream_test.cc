#include "runtime/upstream.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "dns_sockets.h"
#include "temp_dir.h"

namespace claudebox::runtime {
namespace {

class Upstream : public ::testing::Test {
 protected:
  UpstreamServers servers(const std::string& text) {
    if (!text.empty()) dir.write("resolv.conf", text);
    return UpstreamServers(dir / "resolv.conf", dns::port_of(udp.get()));
  }
  /// Whether what is sent arrives at 127.0.0.1.
  bool reaches_loopback(const sys::UniqueFd& socket) const {
    return socket && dns::send(socket.get(), {1, 2, 3}) && dns::receive(udp.get()) == dns::Bytes{1, 2, 3};
  }
  static std::string peer(const sys::UniqueFd& socket) {
    sockaddr_in where{};
    socklen_t size = sizeof where;
    if (!socket || ::getpeername(socket.get(), reinterpret_cast<sockaddr*>(&where), &size) < 0) return "none";
    return net::Address(std::span(reinterpret_cast<const std::uint8_t*>(&where.sin_addr), 4)).to_string();
  }

  claudebox::testing::TempDir dir;
  sys::UniqueFd udp = dns::serve(SOCK_DGRAM);
};

TEST_F(Upstream, AreAskedInTheOrderOfTheFile) {
  auto three =
      servers("nameserver 127.0.0.3\nnameserver 127.0.0.1\nnameserver 127.0.0.2\nnameserver 127.0.0.4\n");
  EXPECT_EQ(peer(three.open(0, false)), "127.0.0.3");
  EXPECT_EQ(peer(three.open(1, false)), "127.0.0.1");
  EXPECT_EQ(peer(three.open(2, false)), "127.0.0.2");
  for (const unsigned attempt : {3U, 255U}) EXPECT_FALSE(three.open(attempt, false));
}

TEST_F(Upstream, GetSocketsThatAreConnectedAndDoNotBlock) {
  auto one = servers("nameserver 127.0.0.1\n");
  const auto socket = one.open(0, false);
  EXPECT_TRUE(reaches_loopback(socket));
  EXPECT_NE(::fcntl(socket.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(socket.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(one.open(0, false).get(), socket.get()) << "a fresh one, so a port of its own";
}

TEST_F(Upstream, AreConnectedToByTcp) {
  const auto listener = dns::serve(SOCK_STREAM);
  dir.write("resolv.conf", "nameserver 127.0.0.1\n");
  const auto socket = UpstreamServers(dir / "resolv.conf", dns::port_of(listener.get())).open(0, true);
  const sys::UniqueFd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  ASSERT_TRUE(accepted);
  EXPECT_NE(::fcntl(socket.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(socket.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_TRUE(dns::send(socket.get(), {1}));
  EXPECT_EQ(dns::receive(accepted.get()), dns::Bytes{1});
}

TEST_F(Upstream, AreTheLoopbackWhereTheFileNamesNone) {
  for (const char* text : {"", "search corp.example\n", "nameserver nowhere\n"}) {
    auto none = servers(text);
    EXPECT_TRUE(reaches_loopback(none.open(0, false))) << text;
    EXPECT_FALSE(none.open(1, false));
  }
}

TEST_F(Upstream, AreFollowedWhenTheFileChanges) {
  auto moving = servers("nameserver 127.0.0.2\n");
  EXPECT_EQ(peer(moving.open(0, false)), "127.0.0.2");
  dir.write("resolv.conf", "nameserver 127.0.0.10\n");
  EXPECT_EQ(peer(moving.open(0, false)), "127.0.0.10") << "written in place";
  dir.write("next", "nameserver 127.0.0.11\n");
  std::filesystem::rename(dir / "next", dir / "resolv.conf");
  EXPECT_EQ(peer(moving.open(0, false)), "127.0.0.11") << "replaced by one of the same size";
  std::filesystem::remove(dir / "resolv.conf");
  EXPECT_EQ(peer(moving.open(0, false)), "127.0.0.1") << "gone";
  dir.write("target", "nameserver 127.0.0.12\n");
  std::filesystem::create_symlink(dir / "target", dir / "resolv.conf");
  EXPECT_EQ(peer(moving.open(0, false)), "127.0.0.12") << "a link";
}

TEST_F(Upstream, ThatCanNotBeReachedAreNone) {
  auto unreachable = servers("nameserver fe80::1%no-such-one\nnameserver 127.0.0.1\n");
  EXPECT_FALSE(unreachable.open(0, false)) << "link-local, without an interface";
  EXPECT_TRUE(reaches_loopback(unreachable.open(1, false)));
}

}  // namespace
}  // namespace claudebox::runtime
