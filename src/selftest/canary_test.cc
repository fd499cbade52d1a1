#include "selftest/canary.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

namespace claudebox::selftest {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::StartsWith;

plan::Plan with_tier(plan::Tier tier) {
  plan::Plan plan;
  plan.network.value = tier;
  return plan;
}

std::string value_of(const Canaries& canaries, const std::string& key) {
  for (const auto& fact : canaries.facts())
    if (fact.starts_with(key + "=")) return fact.substr(key.size() + 1);
  return {};
}

TEST(Canaries, NoticeWhoReachesThem) {
  const Canaries canaries(with_tier(plan::Tier::offline));
  EXPECT_THAT(canaries.reached(), IsEmpty());

  const std::string name = value_of(canaries, "abstract");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const sys::UniqueFd local(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(local.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_THAT(canaries.reached(), Contains("sockets.abstract"));

  sockaddr_in loopback{};
  loopback.sin_family = AF_INET;
  loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  loopback.sin_port = htons(static_cast<std::uint16_t>(std::stoi(value_of(canaries, "port4"))));
  const sys::UniqueFd tcp(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(tcp.get(), reinterpret_cast<sockaddr*>(&loopback), sizeof loopback), 0);
  EXPECT_THAT(canaries.reached(), Contains("network.loopback"));
}

TEST(Canaries, StandOnlyForWhatIsPromised) {
  EXPECT_THAT(Canaries(with_tier(plan::Tier::full)).facts(), IsEmpty());
  auto scoped = with_tier(plan::Tier::full);
  scoped.scope_abstract_sockets = true;
  EXPECT_THAT(Canaries(scoped).facts(), ::testing::ElementsAre(StartsWith("abstract=")));
}

}  // namespace
}  // namespace claudebox::selftest
