#include "sys/landlock.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "sys/fd.h"

namespace claudebox::sys {
namespace {

/// A name in the abstract namespace that only this test process uses.
sockaddr_un abstract_address(const std::string& suffix, socklen_t& length) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = "claudebox-test-" + std::to_string(::getpid()) + suffix;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return address;
}

UniqueFd listen_on(const sockaddr_un& address, socklen_t length) {
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), length) < 0 ||
      ::listen(listener.get(), 1) < 0)
    ADD_FAILURE() << std::strerror(errno);
  return listener;
}

int connect_errno(const sockaddr_un& address, socklen_t length) {
  const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), length) < 0 ? errno : 0;
}

TEST(Landlock, KeepsAbstractSocketsOfOutsideAwayAndNothingElse) {
  if (landlock_abi() < 6) GTEST_SKIP() << "this kernel's Landlock can't scope abstract sockets";
  socklen_t outer_length = 0;
  socklen_t own_length = 0;
  const sockaddr_un outer = abstract_address("-outer", outer_length);
  const sockaddr_un own = abstract_address("-own", own_length);
  const UniqueFd listener = listen_on(outer, outer_length);
  ASSERT_EQ(connect_errno(outer, outer_length), 0);

  const pid_t child = ::fork();
  if (child == 0) {
    if (!scope_abstract_sockets()) ::_exit(1);
    if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) ::_exit(2);
    if (connect_errno(outer, outer_length) != EPERM) ::_exit(3);
    const UniqueFd own_listener = listen_on(own, own_length);
    if (connect_errno(own, own_length) != 0) ::_exit(4);
    if (::kill(::getppid(), 0) != 0) ::_exit(5);
    if (::access("/", R_OK) != 0) ::_exit(6);
    ::_exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace claudebox::sys
