#include "sys/fd_passing.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

namespace claudebox::sys {
namespace {

class FdPassing : public ::testing::Test {
 protected:
  SocketPair pair_ = make_socket_pair();
  std::array<std::uint8_t, 64> buffer_{};
};

ino_t inode_of(int descriptor) {
  struct stat info{};
  EXPECT_EQ(::fstat(descriptor, &info), 0);
  return info.st_ino;
}

TEST_F(FdPassing, GivesBytesAndDescriptors) {
  const Pipe pipe = make_pipe();
  const std::array<std::uint8_t, 3> bytes{1, 2, 3};
  const std::array<int, 2> sent{pipe.read.get(), pipe.write.get()};
  ASSERT_TRUE(send_datagram(pair_.first.get(), bytes, sent));
  const auto got = receive_datagram(pair_.second.get(), buffer_);
  ASSERT_TRUE(got);
  EXPECT_THAT(got->bytes, ::testing::ElementsAre(1, 2, 3));
  ASSERT_EQ(got->descriptors.size(), 2U);
  EXPECT_EQ(inode_of(got->descriptors[1].get()), inode_of(pipe.write.get()));
  EXPECT_NE(got->descriptors[1].get(), pipe.write.get());
}

TEST_F(FdPassing, KeepsDatagramsApartAndTellsTheEnd) {
  const std::array<std::uint8_t, 2> bytes{7, 8};
  ASSERT_TRUE(send_datagram(pair_.first.get(), bytes));
  ASSERT_TRUE(send_datagram(pair_.first.get(), std::span(bytes).first(1)));
  pair_.first.reset();
  EXPECT_EQ(receive_datagram(pair_.second.get(), buffer_)->bytes.size(), 2U);
  EXPECT_EQ(receive_datagram(pair_.second.get(), buffer_)->bytes.size(), 1U);
  EXPECT_TRUE(receive_datagram(pair_.second.get(), buffer_)->bytes.empty());
}

TEST_F(FdPassing, RefusesADatagramThatDoesNotFit) {
  const std::array<std::uint8_t, 65> bytes{};
  ASSERT_TRUE(send_datagram(pair_.first.get(), bytes));
  EXPECT_FALSE(receive_datagram(pair_.second.get(), buffer_));
  EXPECT_EQ(errno, EMSGSIZE);
}

TEST_F(FdPassing, NeverBlocksAndRaisesNoSignal) {
  EXPECT_FALSE(receive_datagram(pair_.second.get(), buffer_, MSG_DONTWAIT));
  EXPECT_EQ(errno, EAGAIN);
  pair_.second.reset();
  const std::array<std::uint8_t, 1> bytes{};
  EXPECT_FALSE(send_datagram(pair_.first.get(), bytes));
  EXPECT_EQ(errno, EPIPE);
}

}  // namespace
}  // namespace claudebox::sys
