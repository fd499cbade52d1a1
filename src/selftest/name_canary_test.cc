#include "selftest/name_canary.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <fstream>

#include "net/dns_message.h"

namespace claudebox::selftest {
namespace {

using net::Address;

/// A query for name.invalid, with EDNS behind it.
std::vector<std::uint8_t> query(std::uint8_t type) {
  return {0x12, 0x34, 1,   0,   0, 1, 0,    0, 0, 0, 0, 1,  4, 'n', 'a', 'm', 'e', 7, 'i', 'n', 'v',
          'a',  'l',  'i', 'd', 0, 0, type, 0, 1, 0, 0, 41, 4, 208, 0,   0,   0,   0, 0,   0};
}

std::vector<std::uint8_t> ask(const NameCanary& canary, const std::vector<std::uint8_t>& message) {
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(canary.port());
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const sys::UniqueFd client(::socket(AF_INET, SOCK_DGRAM, 0));
  EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&server), sizeof server), 0);
  EXPECT_EQ(::send(client.get(), message.data(), message.size(), 0), static_cast<ssize_t>(message.size()));
  std::vector<std::uint8_t> reply(512);
  const ssize_t got = ::recv(client.get(), reply.data(), reply.size(), 0);
  reply.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return reply;
}

TEST(NameCanary, LeadsEveryNameToAPrivateAddress) {
  const NameCanary canary;
  for (const auto& [type, address] :
       {std::pair{net::kTypeA, "192.168.255.254"}, std::pair{net::kTypeAaaa, "fdff:ffff:ffff:ffff::1"}}) {
    const auto message = query(static_cast<std::uint8_t>(type));
    const auto question = net::read_query(message);
    ASSERT_TRUE(question);
    const auto reply = ask(canary, message);
    ASSERT_TRUE(net::is_reply_to(reply, *question, 0x1234));
    const auto answer = net::read_answer(reply, *question);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->code, net::kNoError);
    ASSERT_EQ(answer->addresses.size(), 1U);
    EXPECT_EQ(answer->addresses[0].address, *Address::parse(address));
    EXPECT_TRUE(answer->addresses[0].on_chain);
  }
}

TEST(NameCanary, GoesOnAfterBytesThatAreNoQuery) {
  const NameCanary canary;
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(canary.port());
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const sys::UniqueFd client(::socket(AF_INET, SOCK_DGRAM, 0));
  for (const std::size_t length : {0, 1, 11, 12, 13, 700, 1024}) {
    const std::vector<std::uint8_t> noise(length, 0xff);
    ::sendto(client.get(), noise.data(), noise.size(), 0, reinterpret_cast<sockaddr*>(&server),
             sizeof server);
  }
  EXPECT_FALSE(ask(canary, query(1)).empty());
}

TEST(NameCanary, IsNamedByAResolvConf) {
  const NameCanary canary;
  std::ifstream file(canary.resolv_conf());
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, "nameserver 127.0.0.1");
}

}  // namespace
}  // namespace claudebox::selftest
